/** Areas of the picture as pages edit them: x from -1 (left) to 1, y from -1 (bottom) to 1. */
import type { Point } from '../components/PictureEditor.svelte';

/** The area with one corner moved. */
export const withCorner = (area: Point[], at: number, to: Point): Point[] => area.map((point, corner) => (corner === at ? to : point));

/** The middle of the corners, where an area is taken hold of as a whole. */
export function middle(area: Point[]): Point {
  const n = Math.max(1, area.length);
  return { x: area.reduce((sum, p) => sum + p.x, 0) / n, y: area.reduce((sum, p) => sum + p.y, 0) / n };
}

/** The area moved so that its middle is at `to`, as far as all of it stays in the picture. */
export function movedTo(area: Point[], to: Point): Point[] {
  const from = middle(area);
  const by = (axis: 'x' | 'y') => {
    const all = area.map((p) => p[axis]);
    return Math.min(1 - Math.max(...all), Math.max(-1 - Math.min(...all), to[axis] - from[axis]));
  };
  const [x, y] = [by('x'), by('y')];
  const thousandths = (n: number) => Math.round(n * 1000) / 1000;
  return area.map((p) => ({ x: thousandths(p.x + x), y: thousandths(p.y + y) }));
}

/** An upright rectangle of the picture. */
export interface Rect {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Its corners, from the upper left one clockwise. */
export const cornersOf = ({ left, top, right, bottom }: Rect): Point[] => [
  { x: left, y: top },
  { x: right, y: top },
  { x: right, y: bottom },
  { x: left, y: bottom },
];

/** The rectangle with a corner of {@link cornersOf} moved; edges never cross. */
export function withRectCorner(rect: Rect, corner: number, to: Point): Rect {
  const least = 0.04;
  const onLeft = corner === 0 || corner === 3;
  return {
    ...rect,
    ...(onLeft ? { left: Math.min(to.x, rect.right - least) } : { right: Math.max(to.x, rect.left + least) }),
    ...(corner < 2 ? { top: Math.max(to.y, rect.bottom + least) } : { bottom: Math.min(to.y, rect.top - least) }),
  };
}

/** The rectangle moved so that its middle is at `to`, as far as all of it stays in the picture. */
export function rectMovedTo(rect: Rect, to: Point): Rect {
  const [upper, , lower] = movedTo(cornersOf(rect), to);
  return { left: upper.x, top: upper.y, right: lower.x, bottom: lower.y };
}

/** Which rectangle is at a point, the newest where several are; -1 for none. */
export const rectAt = (rects: Rect[], { x, y }: Point): number => rects.findLastIndex((r) => r.left <= x && x <= r.right && r.bottom <= y && y <= r.top);

/** A named area among others. */
export interface NamedArea {
  name: string;
  polygon: Point[];
}

/** A handle of an area: a corner, or (without `corner`) the whole. */
export interface Grip {
  area: number;
  corner?: number;
}

/** The handles of areas: each as a whole by its name, and each corner. */
export function grips(areas: NamedArea[]): { grip: Grip; handle: Point & { label: string; text?: string } }[] {
  return areas.flatMap(({ name, polygon }, area) => [
    ...(polygon.length > 0 ? [{ grip: { area }, handle: { ...middle(polygon), label: name, text: name } }] : []),
    ...polygon.map((point, corner) => ({ grip: { area, corner }, handle: { ...point, label: `${name} ${corner + 1}` } })),
  ]);
}

/** The areas after a handle was moved. */
export function afterMove<A extends NamedArea>(areas: A[], { area, corner }: Grip, to: Point): A[] {
  return areas.map((one, at) =>
    at !== area ? one : { ...one, polygon: corner === undefined ? movedTo(one.polygon, to) : withCorner(one.polygon, corner, to) },
  );
}
