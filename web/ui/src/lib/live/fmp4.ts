/** Fragmented MP4 for Media Source Extensions and recordings: one frame a fragment (ISO/IEC 14496-12, -15). */
import type { VideoConfig } from './codec';
import type { SoundConfig } from './sound';

export const TIMESCALE = 90000;

type Part = number[] | Uint8Array;

function u16(value: number): number[] {
  return [(value >> 8) & 0xff, value & 0xff];
}

function u32(value: number): number[] {
  return [(value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}

function u64(value: number): number[] {
  return [...u32(Math.floor(value / 2 ** 32)), ...u32(value % 2 ** 32)];
}

function box(type: string, ...parts: Part[]): Uint8Array<ArrayBuffer> {
  let size = 8;
  for (const part of parts) size += part.length;
  const out = new Uint8Array(size);
  out.set(u32(size));
  for (let i = 0; i < 4; i++) out[4 + i] = type.charCodeAt(i);
  let at = 8;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function full(type: string, version: number, flags: number, ...parts: Part[]): Uint8Array<ArrayBuffer> {
  return box(type, [version, (flags >> 16) & 0xff, (flags >> 8) & 0xff, flags & 0xff], ...parts);
}

const MATRIX = [...u32(0x10000), ...u32(0), ...u32(0), ...u32(0), ...u32(0x10000), ...u32(0), ...u32(0), ...u32(0), ...u32(0x40000000)];
const zeros = (count: number): number[] => new Array<number>(count).fill(0);
const ascii = (text: string): number[] => [...text].map((c) => c.charCodeAt(0));

interface TrackBoxes {
  id: number;
  timescale: number;
  /** Of the picture, pixels; 0 of sound. */
  width: number;
  height: number;
  handler: string;
  header: Uint8Array;
  sample: Uint8Array;
}

function track({ id, timescale, width, height, handler, header, sample }: TrackBoxes): Uint8Array<ArrayBuffer> {
  const stbl = box(
    'stbl',
    full('stsd', 0, 0, u32(1), sample),
    full('stts', 0, 0, u32(0)),
    full('stsc', 0, 0, u32(0)),
    full('stsz', 0, 0, u32(0), u32(0)),
    full('stco', 0, 0, u32(0)),
  );
  const minf = box('minf', header, box('dinf', full('dref', 0, 0, u32(1), full('url ', 0, 1))), stbl);
  const mdia = box(
    'mdia',
    full('mdhd', 0, 0, u32(0), u32(0), u32(timescale), u32(0), u16(0x55c4), u16(0)),
    full('hdlr', 0, 0, u32(0), ascii(handler), zeros(12), ascii('Media\0')),
    minf,
  );
  const volume = handler === 'soun' ? 0x100 : 0;
  return box(
    'trak',
    full('tkhd', 0, 3, u32(0), u32(0), u32(id), u32(0), u32(0), zeros(8), zeros(4), u16(volume), zeros(2), MATRIX, u32(width * 65536), u32(height * 65536)),
    mdia,
  );
}

function pictureTrack(config: VideoConfig): Uint8Array<ArrayBuffer> {
  const { width, height } = config;
  const [entry, record] = config.codec === 'h264' ? ['avc1', 'avcC'] : ['hvc1', 'hvcC'];
  const sample = box(
    entry,
    zeros(6), u16(1), zeros(16), u16(width), u16(height),
    u32(0x480000), u32(0x480000), zeros(4), u16(1), zeros(32), u16(24), [0xff, 0xff],
    box(record, config.description),
  );
  return track({ id: 1, timescale: TIMESCALE, width, height, handler: 'vide', header: full('vmhd', 0, 1, zeros(8)), sample });
}

/** Whether sound of this kind has a place in these files. */
export const fitsMp4 = (config: SoundConfig): boolean => config.codec === 'aac' || config.codec === 'opus';

/** Track 2: AAC (ISO/IEC 14496-14) or Opus (Opus in ISOBMFF). */
function soundTrack(config: SoundConfig): Uint8Array<ArrayBuffer> {
  const { rate, channels, description } = config;
  const descriptor = (tag: number, ...parts: Part[]): number[] => {
    const body = parts.flatMap((part) => [...part]);
    return [tag, body.length, ...body];
  };
  const [entry, record] =
    config.codec === 'aac'
      ? ['mp4a', full('esds', 0, 0, descriptor(3, u16(2), [0], descriptor(4, [0x40, 0x15], zeros(11), descriptor(5, description)), descriptor(6, [2])))]
      : ['Opus', box('dOps', [0, channels], u16(0), u32(rate), u16(0), [0])];
  const sample = box(entry, zeros(6), u16(1), zeros(8), u16(channels), u16(16), zeros(4), u16(rate), u16(0), record);
  return track({ id: 2, timescale: rate, width: 0, height: 0, handler: 'soun', header: full('smhd', 0, 0, zeros(4)), sample });
}

/** `ftyp` + `moov` for one H.264 or H.265 track, and one of sound; `length` of all fragments in 1/90000 s where it is known. */
export function initSegment(config: VideoConfig, length?: number, sound?: SoundConfig | null): Uint8Array<ArrayBuffer> {
  const trex = (id: number) => full('trex', 0, 0, u32(id), u32(1), u32(0), u32(0), u32(0));
  const moov = box(
    'moov',
    full('mvhd', 0, 0, u32(0), u32(0), u32(TIMESCALE), u32(0), u32(0x10000), u16(0x100), zeros(10), MATRIX, zeros(24), u32(sound ? 3 : 2)),
    pictureTrack(config),
    sound ? soundTrack(sound) : [],
    box('mvex', length === undefined ? [] : full('mehd', 0, 0, u32(Math.min(length, 2 ** 32 - 1))), trex(1), sound ? trex(2) : []),
  );
  const ftyp = box('ftyp', ascii('iso5'), u32(0x200), ascii('iso5iso6mp41'));
  const out = new Uint8Array(ftyp.length + moov.length);
  out.set(ftyp);
  out.set(moov, ftyp.length);
  return out;
}

export interface Fragment {
  sequence: number;
  /** 2 for sound. */
  track?: 1 | 2;
  /** Decode time and duration in 1/90000 s, or in samples of the sound. */
  time: number;
  duration: number;
  key: boolean;
  data: Uint8Array;
}

/** `moof` + `mdat` with one sample. */
export function mediaSegment(fragment: Fragment): Uint8Array<ArrayBuffer> {
  const flags = fragment.key ? 0x02000000 : 0x01010000; // depends-on-none, or depends + non-sync
  const moof = (offset: number) =>
    box(
      'moof',
      full('mfhd', 0, 0, u32(fragment.sequence)),
      box(
        'traf',
        full('tfhd', 0, 0x020000, u32(fragment.track ?? 1)),
        full('tfdt', 1, 0, u64(fragment.time)),
        full('trun', 0, 0x000701, u32(1), u32(offset), u32(fragment.duration), u32(fragment.data.length), u32(flags)),
      ),
    );
  const size = moof(0).length;
  const head = moof(size + 8);
  const out = new Uint8Array(size + 8 + fragment.data.length);
  out.set(head);
  out.set(u32(8 + fragment.data.length), size);
  out.set(ascii('mdat'), size + 4);
  out.set(fragment.data, size + 8);
  return out;
}
