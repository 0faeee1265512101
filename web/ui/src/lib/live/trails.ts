/** The way that each plate came, for the overlay (COMM-1). */
import type { TrackedObject } from './metadata';

/** Points of an object that has been gone for so long are forgotten. */
export const KEEP_MS = 3000;
/** Most points of one object: at any rate of pictures the memory is bounded. */
const MOST = 200;

/** In picture fractions, oldest first. */
export type Trail = readonly { x: number; y: number }[];

export class Trails {
  private readonly known = new Map<string, { x: number; y: number; at: number }[]>();

  /** Takes what is shown at `now` (ms, any clock that only goes forward). */
  add(objects: readonly TrackedObject[], now: number): void {
    for (const { id, box } of objects) {
      const points = this.known.get(id) ?? [];
      const point = { x: box.x + box.w / 2, y: box.y + box.h / 2, at: now };
      const last = points.at(-1);
      if (!last || last.x !== point.x || last.y !== point.y) points.push(point);
      else last.at = now;
      this.known.set(id, points.slice(-MOST));
    }
    for (const [id, points] of this.known) {
      const young = points.filter(({ at }) => now - at <= KEEP_MS);
      if (young.length === 0) this.known.delete(id);
      else this.known.set(id, young);
    }
  }

  /** Ways with at least two points. */
  all(): Trail[] {
    return [...this.known.values()].filter((points) => points.length > 1);
  }

  clear(): void {
    this.known.clear();
  }
}
