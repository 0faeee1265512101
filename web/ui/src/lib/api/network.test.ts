import { expect, test } from 'vitest';

import { movedTo } from './network';

test('the page is found again at the new address, on the same port and scheme', () => {
  const here = { protocol: 'https:', port: '8443', pathname: '/setting/network/tcp-ip' };
  expect(movedTo('192.0.2.77', here)).toBe('https://192.0.2.77:8443/setting/network/tcp-ip');
  expect(movedTo('2001:db8::7', { ...here, port: '' })).toBe('https://[2001:db8::7]/setting/network/tcp-ip');
});
