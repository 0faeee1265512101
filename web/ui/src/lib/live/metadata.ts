/** ONVIF metadata track: joins RTP payloads to documents and reads frames, objects and plates. */
import { concat } from './bytes';

const TT = 'http://www.onvif.org/ver10/schema';
const MAX_DOCUMENT = 1024 * 1024;

/** Box in picture fractions: 0..1 from the left and from the top. */
export interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface TrackedObject {
  id: string;
  kind: 'plate' | 'vehicle' | 'other';
  box: Box;
  /** Plate text when the object carries one. */
  plate: string | null;
  likelihood: number | null;
}

export interface AnalysedFrame {
  /** Capture time of the frame, ms since 1970 UTC. */
  utcMs: number;
  objects: TrackedObject[];
}

/** Joins packets up to the marker bit (ONVIF Streaming Specification, metadata over RTP). */
export class MetadataDepacketiser {
  private parts: Uint8Array[] = [];
  private size = 0;
  private broken = false;

  push(payload: Uint8Array, marker: boolean, gap: boolean): string | null {
    if (gap) this.broken = true;
    this.size += payload.length;
    if (this.size > MAX_DOCUMENT) {
      this.broken = true;
      this.parts = [];
    } else {
      this.parts.push(payload);
    }
    if (!marker) return null;
    const text = this.broken ? null : new TextDecoder().decode(concat(this.parts));
    this.parts = [];
    this.size = 0;
    this.broken = false;
    return text;
  }
}

/** Reads every `tt:Frame` of a document; an unreadable document or frame gives nothing. */
export function parseMetadata(xml: string): AnalysedFrame[] {
  const document = new DOMParser().parseFromString(xml, 'application/xml');
  const frames: AnalysedFrame[] = [];
  for (const frame of document.getElementsByTagNameNS(TT, 'Frame')) {
    const utcMs = Date.parse(frame.getAttribute('UtcTime') ?? '');
    if (!Number.isFinite(utcMs)) continue;
    const objects: TrackedObject[] = [];
    for (const object of frame.getElementsByTagNameNS(TT, 'Object')) {
      const parsed = parseObject(object);
      if (parsed) objects.push(parsed);
    }
    frames.push({ utcMs, objects });
  }
  return frames;
}

function parseObject(object: Element): TrackedObject | null {
  const id = object.getAttribute('ObjectId');
  const shape = first(object, 'BoundingBox');
  if (!id || !shape) return null;
  const edge = (name: string) => Number.parseFloat(shape.getAttribute(name) ?? '');
  const [left, top, right, bottom] = [edge('left'), edge('top'), edge('right'), edge('bottom')];
  if (![left, top, right, bottom].every(Number.isFinite)) return null;
  const map = transformation(object);
  const [x1, y1] = map(left, top);
  const [x2, y2] = map(right, bottom);
  const types = [...object.getElementsByTagNameNS(TT, 'Type')].map((type) => type.textContent?.trim() ?? '');
  const info = first(object, 'LicensePlateInfo');
  const number = info && first(info, 'PlateNumber');
  const likelihood = Number.parseFloat(number?.getAttribute('Likelihood') ?? '');
  return {
    id,
    kind: types.includes('LicensePlate')
      ? 'plate'
      : types.some((type) => VEHICLES.has(type))
        ? 'vehicle'
        : info
          ? 'plate'
          : 'other',
    box: { x: Math.min(x1, x2), y: Math.min(y1, y2), w: Math.abs(x2 - x1), h: Math.abs(y2 - y1) },
    plate: number?.textContent?.trim() || null,
    likelihood: Number.isFinite(likelihood) ? likelihood : null,
  };
}

const VEHICLES = new Set(['Vehicle', 'Car', 'Truck', 'Bus', 'Motorcycle', 'Bicycle', 'Bike']);

/** ONVIF coordinates run from -1 to 1 with y up; a `tt:Transformation` of the frame may replace them. */
function transformation(object: Element): (x: number, y: number) => [number, number] {
  const frame = object.parentElement;
  const node = frame && [...frame.children].find((c) => c.namespaceURI === TT && c.localName === 'Transformation');
  const pick = (name: string, attr: string, otherwise: number) => {
    const value = Number.parseFloat((node && first(node, name)?.getAttribute(attr)) ?? '');
    return Number.isFinite(value) ? value : otherwise;
  };
  const [tx, ty] = [pick('Translate', 'x', 0), pick('Translate', 'y', 0)];
  const [sx, sy] = [pick('Scale', 'x', 1), pick('Scale', 'y', 1)];
  return (x, y) => [(x * sx + tx + 1) / 2, (1 - (y * sy + ty)) / 2];
}

function first(node: Element, name: string): Element | null {
  return node.getElementsByTagNameNS(TT, name)[0] ?? null;
}
