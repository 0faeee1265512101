import { describe, expect, it } from 'vitest';
import { afterMove, grips, middle, movedTo } from './areas';

const square = [
  { x: -0.5, y: 0.5 },
  { x: -0.5, y: -0.5 },
  { x: 0.5, y: -0.5 },
  { x: 0.5, y: 0.5 },
];

describe('areas of the picture (LPRCFG-2)', () => {
  it('move as a whole and stay in the picture', () => {
    const there = middle(movedTo(square, { x: 0.2, y: -0.1 }));
    expect(there.x).toBeCloseTo(0.2);
    expect(there.y).toBeCloseTo(-0.1);
    const corner = movedTo(square, { x: 5, y: -5 });
    expect(Math.max(...corner.map((p) => p.x))).toBe(1);
    expect(Math.min(...corner.map((p) => p.y))).toBe(-1);
    const whole = square.map((p) => ({ x: p.x * 2, y: p.y * 2 }));
    expect(movedTo(whole, { x: 0.7, y: 0.7 })).toEqual(whole);
  });

  it('are taken by their name or by a corner', () => {
    const areas = [
      { name: 'Gate', polygon: square },
      { name: 'Sign', polygon: square },
    ];
    const all = grips(areas);
    expect(all.map((g) => g.handle.label)).toContain('Sign 4');
    const corner = all.find((g) => g.handle.label === 'Sign 1')!;
    const after = afterMove(areas, corner.grip, { x: -1, y: 1 });
    expect(after[0]).toBe(areas[0]);
    expect(after[1].polygon[0]).toEqual({ x: -1, y: 1 });
    expect(after[1].polygon.slice(1)).toEqual(square.slice(1));
  });
});
