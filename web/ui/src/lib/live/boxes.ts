/** Finds the boxes that belong to the picture on the screen (LIVE-9). */
import type { AnalysedFrame, Box, TrackedObject } from './metadata';

/** Boxes are moved on by their own speed for at most this long after the last analysed frame. */
export const EXTRAPOLATE_MS = 200;
/** An analysed frame older than this says nothing about the picture. */
export const STALE_MS = 1000;
const KEEP_MS = 5000;
/** Two sightings further apart than this give no usable speed. */
const SPEED_WINDOW_MS = 500;

export class BoxTrack {
  /** Ascending by time. */
  private frames: AnalysedFrame[] = [];

  add(frame: AnalysedFrame): void {
    const last = this.frames.at(-1);
    if (last && frame.utcMs <= last.utcMs) {
      // A clock step or a repeated document: the newest word counts.
      this.frames = this.frames.filter((known) => known.utcMs < frame.utcMs);
    }
    this.frames.push(frame);
    const oldest = frame.utcMs - KEEP_MS;
    while (this.frames.length > 0 && this.frames[0].utcMs < oldest) this.frames.shift();
  }

  clear(): void {
    this.frames = [];
  }

  /** Objects of the newest analysed frame not after `utcMs`, moved on to `utcMs`. */
  at(utcMs: number): TrackedObject[] {
    let index = this.frames.length - 1;
    while (index >= 0 && this.frames[index].utcMs > utcMs) index--;
    if (index < 0) return [];
    const frame = this.frames[index];
    const age = utcMs - frame.utcMs;
    if (age > STALE_MS) return [];
    const ahead = Math.min(age, EXTRAPOLATE_MS);
    if (ahead === 0) return frame.objects;
    return frame.objects.map((object) => {
      const before = this.previous(index, object.id);
      if (!before) return object;
      return { ...object, box: advance(before.box, object.box, ahead / (frame.utcMs - before.utcMs)) };
    });
  }

  private previous(index: number, id: string): { utcMs: number; box: Box } | null {
    const now = this.frames[index].utcMs;
    for (let i = index - 1; i >= 0 && now - this.frames[i].utcMs <= SPEED_WINDOW_MS; i--) {
      const seen = this.frames[i].objects.find((object) => object.id === id);
      if (seen) return { utcMs: this.frames[i].utcMs, box: seen.box };
    }
    return null;
  }
}

function advance(from: Box, to: Box, share: number): Box {
  const on = (a: number, b: number) => b + (b - a) * share;
  return {
    x: on(from.x, to.x),
    y: on(from.y, to.y),
    w: Math.max(0, on(from.w, to.w)),
    h: Math.max(0, on(from.h, to.h)),
  };
}
