/** Periods of a week, as the unit stores them: up to six a day, none over another (ALARM-5). */

export const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;
export type Day = (typeof DAYS)[number];
export type Week = Record<string, string[]>;

/** Minutes of the day, the end is not in it. */
export interface Period {
  from: number;
  to: number;
}

export const DAY = 24 * 60;
export const MAX = 6;

const minutes = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5));
const clock = (n: number): string => `${String(Math.floor(n / 60)).padStart(2, '0')}:${String(n % 60).padStart(2, '0')}`;

export const read = (text: string): Period => ({ from: minutes(text), to: minutes(text.slice(6)) });
export const write = ({ from, to }: Period): string => `${clock(from)}-${clock(to)}`;

/** What was typed; a day that ends at midnight ends at 24:00. Null when that is no period. */
export function typed(from: string, to: string): Period | null {
  if (!/^\d\d:\d\d$/.test(from) || !/^\d\d:\d\d$/.test(to)) return null;
  const period = { from: minutes(from), to: minutes(to) || DAY };
  return period.from < period.to ? period : null;
}

/** Where a drag from one share of the day to another leads, to quarters of an hour. */
export function dragged(from: number, to: number): Period | null {
  const quarter = (share: number) => Math.round(Math.min(1, Math.max(0, share)) * 96) * 15;
  const [a, b] = [quarter(Math.min(from, to)), quarter(Math.max(from, to))];
  return a < b ? { from: a, to: b } : null;
}

/** The week with the period on these days; days that it does not fit on stay as they are, and the reason is told. */
export function add(week: Week, days: readonly Day[], period: Period): { week: Week; refused: 'full' | 'overlap' | null } {
  let refused: 'full' | 'overlap' | null = null;
  const after = { ...week };
  for (const day of days) {
    const all = (week[day] ?? []).map(read);
    if (all.some((other) => other.from < period.to && period.from < other.to)) refused = 'overlap';
    else if (all.length >= MAX) refused = 'full';
    else after[day] = [...all, period].sort((a, b) => a.from - b.from).map(write);
  }
  return { week: after, refused };
}
