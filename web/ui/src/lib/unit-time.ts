/** The unit's own clock: its POSIX time zone, and texts in its date and time format (SYS-8, 11, 12). */

export type DateFormat = 'MM-DD-YYYY' | 'YYYY-MM-DD' | 'DD-MM-YYYY';
export type TimeFormat = '12-hour' | '24-hour';

interface Rule {
  month: number;
  week: number;
  weekday: number;
  /** Seconds after midnight, may be negative. */
  at: number;
}

export interface Zone {
  /** Seconds east of UTC. */
  standard: number;
  daylight: { offset: number; start: Rule; end: Rule } | null;
}

const UTC: Zone = { standard: 0, daylight: null };
const DAY_MS = 86_400_000;

/** Reads a POSIX TZ with `M` rules (IEEE 1003.1, 8.3); anything else is UTC. */
export function parseZone(posix: string): Zone {
  const name = '(?:[A-Za-z]{3,}|<[\\w+-]+>)';
  const time = '[+-]?\\d{1,3}(?::\\d{1,2}){0,2}';
  const rule = `M(\\d{1,2})\\.(\\d)\\.(\\d)(?:/(${time}))?`;
  const m = new RegExp(`^${name}(${time})(?:${name}(${time})?(?:,${rule},${rule})?)?$`).exec(posix.trim());
  if (!m) return UTC;
  const standard = -seconds(m[1]) || 0;
  if (!m[3]) return { standard, daylight: null };
  const change = (i: number): Rule => ({ month: Number(m[i]), week: Number(m[i + 1]), weekday: Number(m[i + 2]), at: m[i + 3] ? seconds(m[i + 3]) : 7200 });
  return { standard, daylight: { offset: m[2] ? -seconds(m[2]) || 0 : standard + 3600, start: change(3), end: change(7) } };
}

function seconds(text: string): number {
  const [h, min = 0, s = 0] = text.replace(/^[+-]/, '').split(':').map(Number);
  return (text.startsWith('-') ? -1 : 1) * (h * 3600 + min * 60 + s);
}

/** Wall-clock milliseconds of a rule in a year, as if they were UTC. */
function ruleAt(rule: Rule, year: number): number {
  const first = new Date(Date.UTC(year, rule.month - 1, 1)).getUTCDay();
  const days = new Date(Date.UTC(year, rule.month, 0)).getUTCDate();
  let day = 1 + ((rule.weekday - first + 7) % 7) + (rule.week - 1) * 7;
  while (day > days) day -= 7;
  return Date.UTC(year, rule.month - 1, day) + rule.at * 1000;
}

/** Seconds east of UTC at a moment. */
export function offsetAt(zone: Zone, utc: number): number {
  const { standard, daylight } = zone;
  if (!daylight) return standard;
  const year = new Date(utc + standard * 1000).getUTCFullYear();
  const start = ruleAt(daylight.start, year) - standard * 1000;
  const end = ruleAt(daylight.end, year) - daylight.offset * 1000;
  const inside = start < end ? utc >= start && utc < end : utc >= start || utc < end;
  return inside ? daylight.offset : standard;
}

/** `YYYY-MM-DDTHH:MM:SS` of the unit's wall clock, for `<input type="datetime-local">`. */
export function toLocal(zone: Zone, utc: number): string {
  return new Date(utc + offsetAt(zone, utc) * 1000).toISOString().slice(0, 19);
}

/** The moment of a wall-clock time of the unit; of a time that comes twice the first. `null` when it cannot be read. */
export function fromLocal(zone: Zone, local: string): number | null {
  const wall = Date.parse(`${local}Z`);
  if (!local || Number.isNaN(wall)) return null;
  const candidates = [offsetAt(zone, wall - DAY_MS), offsetAt(zone, wall + DAY_MS)].map((offset) => wall - offset * 1000);
  const exact = candidates.filter((utc) => utc + offsetAt(zone, utc) * 1000 === wall);
  return exact.length > 0 ? Math.min(...exact) : candidates[0];
}

const two = (n: number) => String(n).padStart(2, '0');

export function dateText(wall: Date, format: DateFormat): string {
  const [y, m, d] = [String(wall.getUTCFullYear()), two(wall.getUTCMonth() + 1), two(wall.getUTCDate())];
  if (format === 'YYYY-MM-DD') return `${y}-${m}-${d}`;
  return format === 'DD-MM-YYYY' ? `${d}-${m}-${y}` : `${m}-${d}-${y}`;
}

export function timeText(wall: Date, format: TimeFormat): string {
  const [h, rest] = [wall.getUTCHours(), `${two(wall.getUTCMinutes())}:${two(wall.getUTCSeconds())}`];
  if (format === '24-hour') return `${two(h)}:${rest}`;
  return `${two(h % 12 || 12)}:${rest} ${h < 12 ? 'AM' : 'PM'}`;
}
