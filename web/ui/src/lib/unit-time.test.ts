import { describe, expect, it } from 'vitest';
import { dateText, fromLocal, offsetAt, parseZone, timeText, toLocal } from './unit-time';

const hours = (posix: string, at: string) => offsetAt(parseZone(posix), Date.parse(at)) / 3600;

describe('the zone of the unit', () => {
  it.each([
    ['UTC0', '2026-06-01T00:00:00Z', 0],
    ['EST5EDT,M3.2.0,M11.1.0', '2026-01-15T12:00:00Z', -5],
    ['EST5EDT,M3.2.0,M11.1.0', '2026-07-15T12:00:00Z', -4],
    ['EST5EDT,M3.2.0,M11.1.0', '2026-03-08T06:59:59Z', -5],
    ['EST5EDT,M3.2.0,M11.1.0', '2026-03-08T07:00:00Z', -4],
    ['EST5EDT,M3.2.0,M11.1.0', '2026-11-01T05:59:59Z', -4],
    ['EST5EDT,M3.2.0,M11.1.0', '2026-11-01T06:00:00Z', -5],
    ['CET-1CEST,M3.5.0,M10.5.0/3', '2026-10-25T00:59:59Z', 2],
    ['CET-1CEST,M3.5.0,M10.5.0/3', '2026-10-25T01:00:00Z', 1],
    ['<+0530>-5:30', '2026-10-25T01:00:00Z', 5.5],
    ['AEST-10AEDT,M10.1.0,M4.1.0/3', '2026-01-01T00:00:00Z', 11],
    ['AEST-10AEDT,M10.1.0,M4.1.0/3', '2026-06-01T00:00:00Z', 10],
    ['<-02>2<-01>,M3.5.0/-1,M10.5.0/0', '2026-07-01T00:00:00Z', -1],
    ['nonsense', '2026-10-25T01:00:00Z', 0],
  ])('%s at %s is %s h east (SYS-8, SYS-15)', (posix, at, want) => {
    expect(hours(posix, at)).toBe(want);
  });

  it('agrees with the browser about New York for ten years', () => {
    const zone = parseZone('EST5EDT,M3.2.0,M11.1.0');
    const format = new Intl.DateTimeFormat('sv', { timeZone: 'America/New_York', dateStyle: 'short', timeStyle: 'medium' });
    for (let at = Date.UTC(2024, 0, 1); at < Date.UTC(2034, 0, 1); at += 7_200_000) {
      const want = format.format(at).replace(' ', 'T');
      if (toLocal(zone, at) !== want) expect(toLocal(zone, at), new Date(at).toISOString()).toBe(want);
    }
  });

  it('finds the moment of a wall-clock time, of two the first', () => {
    const zone = parseZone('EST5EDT,M3.2.0,M11.1.0');
    const at = (local: string) => new Date(fromLocal(zone, local) ?? 0).toISOString().slice(0, 16);
    expect(at('2026-07-01T08:00')).toBe('2026-07-01T12:00');
    expect(at('2026-01-01T08:00:00')).toBe('2026-01-01T13:00');
    expect(at('2026-11-01T01:30')).toBe('2026-11-01T05:30');
    expect(fromLocal(zone, '')).toBe(null);
    expect(fromLocal(zone, 'nonsense')).toBe(null);
  });
});

describe('the formats of the unit (SYS-11, SYS-12)', () => {
  const wall = new Date('2026-01-02T00:04:05Z');
  it.each([['MM-DD-YYYY', '01-02-2026'], ['DD-MM-YYYY', '02-01-2026'], ['YYYY-MM-DD', '2026-01-02']] as const)('%s', (format, want) => {
    expect(dateText(wall, format)).toBe(want);
  });
  it.each([['00:04:05Z', '12:04:05 AM'], ['12:00:00Z', '12:00:00 PM'], ['13:00:00Z', '01:00:00 PM']])('%s is %s', (time, want) => {
    expect(timeText(new Date(`2026-01-02T${time}`), '12-hour')).toBe(want);
  });
  it('24-hour', () => expect(timeText(wall, '24-hour')).toBe('00:04:05'));
});
