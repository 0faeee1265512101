import { describe, expect, it } from 'vitest';
import { add, dragged, read, typed, type Week, write } from './week';

const empty: Week = { sunday: [], monday: [], tuesday: [], wednesday: [], thursday: [], friday: [], saturday: [] };
const six = ['00:00-01:00', '02:00-03:00', '04:00-05:00', '06:00-07:00', '08:00-09:00', '10:00-11:00'];

describe('a week (ALARM-4, ALARM-5)', () => {
  it('takes a period on several days, in the order of the day', () => {
    const once = add(empty, ['monday', 'friday'], { from: 480, to: 720 });
    expect(once).toEqual({ week: { ...empty, monday: ['08:00-12:00'], friday: ['08:00-12:00'] }, refused: null });
    const twice = add(once.week, ['monday'], { from: 0, to: 480 });
    expect(twice.week.monday).toEqual(['00:00-08:00', '08:00-12:00']);
    expect(empty.monday).toEqual([]);
  });

  it('refuses a seventh and what overlaps, and takes it where it fits', () => {
    const full = { ...empty, monday: six, tuesday: ['12:00-13:00'] };
    expect(add(full, ['monday'], { from: 1200, to: 1440 })).toEqual({ week: full, refused: 'full' });
    const both = add(full, ['tuesday', 'sunday'], { from: 750, to: 800 });
    expect(both.refused).toBe('overlap');
    expect(both.week).toEqual({ ...full, sunday: ['12:30-13:20'] });
  });

  it.each([
    ['08:00', '17:30', '08:00-17:30'],
    ['22:00', '00:00', '22:00-24:00'],
    ['00:00', '00:00', '00:00-24:00'],
    ['17:30', '08:00', null],
    ['08:00', '08:00', null],
    ['', '08:00', null],
  ])('reads %s to %s as %s', (from, to, want) => {
    const period = typed(from, to);
    expect(period && write(period)).toBe(want);
    if (want) expect(write(read(want))).toBe(want);
  });

  it('drags in quarters of an hour, both ways, within the day', () => {
    expect(dragged(0.25, 0.5)).toEqual({ from: 360, to: 720 });
    expect(dragged(1.4, 0.991)).toEqual({ from: 1425, to: 1440 });
    expect(dragged(-3, 2)).toEqual({ from: 0, to: 1440 });
    expect(dragged(0.5, 0.5)).toBeNull();
  });
});
