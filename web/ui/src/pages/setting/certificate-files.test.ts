// @vitest-environment node
import { expect, it } from 'vitest';
import { asBase64, asText } from './certificate-files';

it('sends PEM as it is and DER in base64', async () => {
  const pem = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  expect(await asText(new Blob([pem]))).toBe(pem);
  const der = new Blob([new Uint8Array([0x30, 0x82, 0xff, 0x00])]);
  expect(await asText(der)).toBe('MIL/AA==');
  expect(await asBase64(der)).toBe('MIL/AA==');
});
