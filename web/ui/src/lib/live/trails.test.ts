import { describe, expect, it } from 'vitest';
import type { TrackedObject } from './metadata';
import { KEEP_MS, Trails } from './trails';

const at = (id: string, x: number): TrackedObject => ({ id, kind: 'plate', box: { x, y: 0.4, w: 0.2, h: 0.2 }, plate: null, likelihood: null });

describe('trails', () => {
  it('follow the middle of each object', () => {
    const trails = new Trails();
    trails.add([at('1', 0), at('2', 0.5)], 0);
    expect(trails.all()).toEqual([]);
    trails.add([at('1', 0.1), at('2', 0.5)], 40);
    expect(trails.all()).toHaveLength(1);
    expect(trails.all()[0].map(({ x, y }) => [x.toFixed(1), y])).toEqual([['0.1', 0.5], ['0.2', 0.5]]);
  });

  it('are forgotten', () => {
    const trails = new Trails();
    trails.add([at('1', 0)], 0);
    trails.add([at('1', 0.1)], 40);
    trails.add([], KEEP_MS + 1);
    expect(trails.all()).toEqual([]);
    trails.add([], KEEP_MS + 41);
    trails.add([at('1', 0.2)], KEEP_MS + 50);
    expect(trails.all()).toEqual([]);
  });

  it('have an end', () => {
    const trails = new Trails();
    for (let i = 0; i < 5000; i++) trails.add([at('1', i / 5000)], i / 10);
    expect(trails.all()[0].length).toBeLessThanOrEqual(200);
  });
});
