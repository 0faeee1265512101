import { describe, expect, it } from 'vitest';
import { afterMove, cornersOf, grips, middle, movedTo, rectAt, rectMovedTo, withRectCorner } from './areas';

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

describe('rectangles', () => {
  const rect = { left: -0.5, top: 0.5, right: 0.5, bottom: -0.5 };

  it('have their corners clockwise from the upper left one', () => {
    expect(cornersOf(rect)).toEqual([
      { x: -0.5, y: 0.5 },
      { x: 0.5, y: 0.5 },
      { x: 0.5, y: -0.5 },
      { x: -0.5, y: -0.5 },
    ]);
  });

  it('stay rectangles whichever corner is moved where', () => {
    expect(withRectCorner(rect, 0, { x: -0.8, y: 0.9 })).toEqual({ ...rect, left: -0.8, top: 0.9 });
    expect(withRectCorner(rect, 1, { x: 0.6, y: 0.7 })).toEqual({ ...rect, right: 0.6, top: 0.7 });
    expect(withRectCorner(rect, 2, { x: 0.6, y: -0.7 })).toEqual({ ...rect, right: 0.6, bottom: -0.7 });
    const crossed = withRectCorner(rect, 3, { x: 0.9, y: 0.9 });
    expect(crossed.left).toBeLessThan(crossed.right);
    expect(crossed.bottom).toBeLessThan(crossed.top);
  });
});

describe('rectangles (METER-6, METER-7)', () => {
  const [low, high] = [
    { left: -0.5, top: 0, right: 0.5, bottom: -1 },
    { left: 0, top: 0.5, right: 1, bottom: -0.5 },
  ];

  it('are found where they were clicked, the newest first', () => {
    expect(rectAt([low, high], { x: 0.2, y: -0.2 })).toBe(1);
    expect(rectAt([low, high], { x: -0.2, y: -0.2 })).toBe(0);
    expect(rectAt([low, high], { x: -0.9, y: 0.9 })).toBe(-1);
    expect(rectAt([], { x: 0, y: 0 })).toBe(-1);
  });

  it('keep their size when they are moved as a whole', () => {
    expect(rectMovedTo(high, { x: 0, y: 0 })).toEqual({ left: -0.5, top: 0.5, right: 0.5, bottom: -0.5 });
    const { left, right, top } = rectMovedTo(low, { x: 9, y: 9 });
    expect([left, right, top]).toEqual([0, 1, 1]);
  });
});
