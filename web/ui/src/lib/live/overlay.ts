/** Draws areas, boxes and plate texts over the picture. */
import type { TrackedObject } from './metadata';
import type { Rule, RuleKind } from './rules';
import type { Trail } from './trails';

export interface OverlayStyle {
  plate: string;
  vehicle: string;
  trail: string;
  rules: Record<RuleKind, string>;
  label: string;
  font: string;
}

/** What is drawn; all places are picture fractions. */
export interface OverlayContent {
  objects: readonly TrackedObject[];
  trails: readonly Trail[];
  rules: readonly (Rule & { label: string })[];
}

/** Where the picture lies inside its element (letter-boxed), in CSS pixels. */
export interface PictureArea {
  x: number;
  y: number;
  w: number;
  h: number;
}

/** `object-fit: contain` or `fill` of a `pictureW` x `pictureH` picture in a `w` x `h` element. */
export function pictureArea(w: number, h: number, pictureW: number, pictureH: number, fill: boolean): PictureArea {
  if (fill || pictureW <= 0 || pictureH <= 0) return { x: 0, y: 0, w, h };
  const scale = Math.min(w / pictureW, h / pictureH);
  const [pw, ph] = [pictureW * scale, pictureH * scale];
  return { x: (w - pw) / 2, y: (h - ph) / 2, w: pw, h: ph };
}

export function drawOverlay(
  canvas: HTMLCanvasElement,
  { objects, trails, rules }: OverlayContent,
  area: PictureArea,
  style: OverlayStyle,
): void {
  const context = canvas.getContext('2d');
  if (!context) return;
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
  for (const rule of rules) outline(context, rule, area, style);
  for (const trail of trails) {
    context.beginPath();
    for (const { x, y } of trail) context.lineTo(area.x + x * area.w, area.y + y * area.h);
    context.strokeStyle = style.trail;
    context.lineWidth = 2;
    context.lineJoin = 'round';
    context.stroke();
  }
  for (const object of objects) {
    const x = area.x + object.box.x * area.w;
    const y = area.y + object.box.y * area.h;
    const w = object.box.w * area.w;
    const h = object.box.h * area.h;
    const plate = object.kind === 'plate';
    context.strokeStyle = 'rgb(0 0 0 / 45%)';
    context.lineWidth = plate ? 4 : 3;
    context.strokeRect(x, y, w, h);
    context.strokeStyle = plate ? style.plate : style.vehicle;
    context.lineWidth = plate ? 2 : 1.25;
    context.strokeRect(x, y, w, h);
    if (plate && object.plate) label(context, object.plate, x, y, h, area, style);
  }
}

function outline(context: CanvasRenderingContext2D, rule: Rule & { label: string }, area: PictureArea, style: OverlayStyle): void {
  const corners = rule.corners.map(({ x, y }) => ({ x: area.x + x * area.w, y: area.y + y * area.h }));
  context.beginPath();
  for (const { x, y } of corners) context.lineTo(x, y);
  context.closePath();
  context.lineJoin = 'round';
  context.strokeStyle = 'rgb(0 0 0 / 55%)';
  context.lineWidth = 5;
  context.stroke();
  context.strokeStyle = style.rules[rule.kind];
  context.lineWidth = 2;
  context.stroke();
  // The name within the picture, at the highest corner.
  const top = corners.reduce((a, b) => (b.y < a.y || (b.y === a.y && b.x < a.x) ? b : a));
  context.font = '600 13px system-ui, sans-serif';
  context.textBaseline = 'middle';
  const width = context.measureText(rule.label).width + 12;
  const left = Math.max(area.x, Math.min(top.x, area.x + area.w - width));
  const below = Math.max(area.y, Math.min(top.y, area.y + area.h - 20));
  context.fillStyle = 'rgb(5 8 11 / 78%)';
  context.fillRect(left, below, width, 20);
  context.fillStyle = style.rules[rule.kind];
  context.fillText(rule.label, left + 6, below + 10.5);
}

function label(
  context: CanvasRenderingContext2D,
  text: string,
  x: number,
  y: number,
  h: number,
  area: PictureArea,
  style: OverlayStyle,
): void {
  context.font = style.font;
  const width = context.measureText(text).width + 14;
  const height = 24;
  const left = Math.max(area.x, Math.min(x - 1, area.x + area.w - width));
  const top = y - height - 4 >= area.y ? y - height - 4 : y + h + 4;
  context.fillStyle = style.plate;
  context.beginPath();
  context.roundRect(left, top, width, height, 5);
  context.fill();
  context.fillStyle = style.label;
  context.textBaseline = 'middle';
  context.fillText(text, left + 7, top + height / 2 + 0.5);
}
