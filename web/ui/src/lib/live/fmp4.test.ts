import { describe, expect, it } from 'vitest';
import type { VideoConfig } from './codec';
import { initSegment, mediaSegment } from './fmp4';

interface Box {
  type: string;
  body: Uint8Array;
  children: Box[];
}

const CONTAINERS = new Set(['moov', 'trak', 'mdia', 'minf', 'dinf', 'stbl', 'mvex', 'moof', 'traf']);

/** Reads boxes strictly: sizes must fill their parent exactly. */
function parse(data: Uint8Array): Box[] {
  const out: Box[] = [];
  let at = 0;
  while (at < data.length) {
    const size = new DataView(data.buffer, data.byteOffset + at).getUint32(0);
    const type = String.fromCharCode(...data.subarray(at + 4, at + 8));
    expect(size, type).toBeGreaterThanOrEqual(8);
    expect(at + size, type).toBeLessThanOrEqual(data.length);
    const body = data.subarray(at + 8, at + size);
    out.push({ type, body, children: CONTAINERS.has(type) ? parse(body) : [] });
    at += size;
  }
  return out;
}

function find(boxes: Box[], path: string): Box {
  const [head, ...rest] = path.split('/');
  const found = boxes.find((box) => box.type === head);
  if (!found) throw new Error(`no ${head} in ${boxes.map((b) => b.type)}`);
  return rest.length > 0 ? find(found.children, rest.join('/')) : found;
}

const view = (box: Box) => new DataView(box.body.buffer, box.body.byteOffset, box.body.length);

const config: VideoConfig = {
  codec: 'h264',
  codecString: 'avc1.640028',
  description: new Uint8Array([1, 0x64, 0, 0x28, 9, 9]),
  width: 1920,
  height: 1080,
};

describe('initSegment', () => {
  const boxes = parse(initSegment(config));

  it('has the boxes that MSE needs', () => {
    expect(boxes.map((b) => b.type)).toEqual(['ftyp', 'moov']);
    expect(find(boxes, 'moov').children.map((b) => b.type)).toEqual(['mvhd', 'trak', 'mvex']);
    expect(find(boxes, 'moov/trak/mdia/minf').children.map((b) => b.type)).toEqual(['vmhd', 'dinf', 'stbl']);
    expect(find(boxes, 'moov/trak/mdia/minf/stbl').children.map((b) => b.type)).toEqual(['stsd', 'stts', 'stsc', 'stsz', 'stco']);
  });

  it('has the fixed sizes of ISO/IEC 14496-12', () => {
    for (const [path, size] of [['moov/mvhd', 100], ['moov/trak/tkhd', 84], ['moov/trak/mdia/mdhd', 24], ['moov/mvex/trex', 24]] as const) {
      expect(find(boxes, path).body.length, path).toBe(size);
    }
  });

  it('carries size, timescale and decoder configuration', () => {
    const tkhd = find(boxes, 'moov/trak/tkhd');
    expect(view(tkhd).getUint32(76) >> 16).toBe(1920);
    expect(view(tkhd).getUint32(80) >> 16).toBe(1080);
    expect(view(find(boxes, 'moov/trak/mdia/mdhd')).getUint32(12)).toBe(90000);
    const stsd = find(boxes, 'moov/trak/mdia/minf/stbl/stsd').body;
    const [entry] = parse(stsd.subarray(8));
    expect(entry.type).toBe('avc1');
    const [avcc] = parse(entry.body.subarray(78));
    expect([avcc.type, ...avcc.body]).toEqual(['avcC', ...config.description]);
  });

  it('names H.265 as hvc1', () => {
    const text = String.fromCharCode(...initSegment({ ...config, codec: 'h265' }));
    expect(text).toContain('hvc1');
    expect(text).toContain('hvcC');
  });
});

describe('mediaSegment', () => {
  const data = new Uint8Array([1, 2, 3, 4, 5]);
  // Beyond 32 bits: 13 hours at 90 kHz.
  const time = 2 ** 32 + 7;
  const segment = mediaSegment({ sequence: 3, time, duration: 3600, key: true, data });
  const boxes = parse(segment);

  it('has moof and mdat, and the offset leads to the data', () => {
    expect(boxes.map((b) => b.type)).toEqual(['moof', 'mdat']);
    const trun = view(find(boxes, 'moof/traf/trun'));
    const offset = trun.getInt32(8);
    expect([...segment.subarray(offset, offset + 5)]).toEqual([...data]);
    expect([trun.getUint32(4), trun.getUint32(12), trun.getUint32(16)]).toEqual([1, 3600, 5]);
  });

  it('keeps 64-bit times and the sequence', () => {
    expect(Number(view(find(boxes, 'moof/traf/tfdt')).getBigUint64(4))).toBe(time);
    expect(view(find(boxes, 'moof/mfhd')).getUint32(4)).toBe(3);
  });

  it('flags key frames as sync samples only', () => {
    const flags = (key: boolean) =>
      view(find(parse(mediaSegment({ sequence: 1, time: 0, duration: 1, key, data })), 'moof/traf/trun')).getUint32(20);
    expect(flags(true) & 0x10000).toBe(0);
    expect(flags(false) & 0x10000).toBe(0x10000);
  });
});
