import { describe, expect, it } from 'vitest';
import { concat } from './bytes';
import { H264Depacketiser, h264Config, h264Size } from './h264';
import { H265Depacketiser, h265Config } from './h265';
import { JpegDepacketiser } from './jpeg';

const hex = (text: string) => new Uint8Array((text.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16)));
const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));

// Parameter sets that x264 and x265 made for test pictures of these sizes.
const HIGH_1080 = hex('67640028acd940780227e5c044000003000400000300c83c60c658');
const BASE_354x242 = hex('6742c00dd90170878888c044000003000400000300c83c50a920');
const INTERLACED_640x360 = hex('674d401eeca05031f9f011000003000100000300321f142996');
const PPS = hex('68ebe3cb22c0');
const VPS5 = hex('40010c01ffff016000000300900000030000030078959409');
const SPS5 = hex('420101016000000300900000030000030078a003c0801107cb965654a4c2e6a020203c2000000300200000030321');
const PPS5 = hex('4401c073c189');

const nal = (type: number, length: number) => new Uint8Array([0x60 | type, ...new Array(length - 1).fill(0xab)]);

function fuA(unit: Uint8Array, chunk: number): Uint8Array[] {
  const out: Uint8Array[] = [];
  for (let at = 1; at < unit.length; at += chunk) {
    const end = Math.min(unit.length, at + chunk);
    const flags = (at === 1 ? 0x80 : 0) | (end === unit.length ? 0x40 : 0);
    out.push(concat([new Uint8Array([(unit[0] & 0xe0) | 28, flags | (unit[0] & 0x1f)]), unit.subarray(at, end)]));
  }
  return out;
}

describe('H.264 parameter sets', () => {
  it.each([
    ['cropped 1080', HIGH_1080, { width: 1920, height: 1080 }],
    ['odd sizes', BASE_354x242, { width: 354, height: 242 }],
    ['interlaced', INTERLACED_640x360, { width: 640, height: 360 }],
  ])('gives the size of %s', (_, sps, size) => {
    expect(h264Size(sps)).toEqual(size);
  });

  it('makes the codec string and avcC', () => {
    const config = h264Config(HIGH_1080, PPS);
    expect(config?.codecString).toBe('avc1.640028');
    const avcc = config?.description ?? new Uint8Array(0);
    expect([...avcc.subarray(0, 6)]).toEqual([1, 0x64, 0, 0x28, 0xff, 0xe1]);
    expect((avcc[6] << 8) | avcc[7]).toBe(HIGH_1080.length);
    expect([...avcc.subarray(-4)]).toEqual([0xfd, 0xf8, 0xf8, 0]);
  });

  // NET-24: decoders are asked for the profile that is sent, and only High has more behind its parameter sets (ISO/IEC 14496-15 §5.3.3.1.2).
  it.each([
    ['Baseline', BASE_354x242, 'avc1.42c00d', [0x42, 0xc0, 0x0d]],
    ['Main', INTERLACED_640x360, 'avc1.4d401e', [0x4d, 0x40, 0x1e]],
  ])('follows the profile %s', (_, sps, codec, profile) => {
    const config = h264Config(sps, PPS);
    const avcc = [...(config?.description ?? [])];
    expect(config?.codecString.toLowerCase()).toBe(codec);
    expect(avcc.slice(1, 4)).toEqual(profile);
    expect(avcc.slice(-PPS.length)).toEqual([...PPS]);
  });

  it('refuses those that end before the size', () => {
    for (let length = 0; length < 11; length++) expect(h264Config(HIGH_1080.subarray(0, length), PPS)).toBeNull();
  });
});

describe('H264Depacketiser', () => {
  const sprop = `${base64(HIGH_1080)},${base64(PPS)}`;

  it('joins FU-A fragments to the same bytes', () => {
    const d = new H264Depacketiser(sprop);
    const idr = nal(5, 3000);
    const packets = fuA(idr, 1000);
    const units = packets.map((p, i) => d.push(p, 90, i === packets.length - 1, false));
    expect(units.slice(0, -1)).toEqual([null, null]);
    const unit = units.at(-1);
    expect(unit?.key).toBe(true);
    expect(unit?.config?.width).toBe(1920);
    expect(unit?.data.subarray(4)).toEqual(idr);
    expect(new DataView(unit?.data.buffer as ArrayBuffer).getUint32(0)).toBe(idr.length);
  });

  it('splits STAP-A and takes parameter sets from the stream', () => {
    const d = new H264Depacketiser(undefined);
    const idr = nal(5, 20);
    const parts = [HIGH_1080, PPS, idr].flatMap((n) => [new Uint8Array([n.length >> 8, n.length & 255]), n]);
    const unit = d.push(concat([new Uint8Array([24]), ...parts]), 0, true, false);
    expect(unit?.config?.codecString).toBe('avc1.640028');
    expect(unit?.data.length).toBe(24);
  });

  it('starts at a key frame and names the configuration once', () => {
    const d = new H264Depacketiser(sprop);
    expect(d.push(nal(1, 10), 0, true, false)).toBeNull();
    expect(d.push(nal(5, 10), 1, true, false)?.config).not.toBeNull();
    expect(d.push(nal(1, 10), 2, true, false)).toMatchObject({ key: false, config: null });
    expect(d.push(nal(5, 10), 3, true, false)).toMatchObject({ key: true, config: null });
  });

  it('announces a changed size', () => {
    const d = new H264Depacketiser(sprop);
    d.push(nal(5, 10), 0, true, false);
    d.push(BASE_354x242, 1, false, false);
    expect(d.push(nal(5, 10), 1, true, false)?.config).toMatchObject({ width: 354, height: 242 });
  });

  it('drops everything from a loss to the next key frame', () => {
    const d = new H264Depacketiser(sprop);
    d.push(nal(5, 10), 0, true, false);
    expect(d.push(nal(1, 10), 1, true, true)).toBeNull();
    expect(d.push(nal(1, 10), 2, true, false)).toBeNull();
    expect(d.push(nal(5, 10), 3, true, false)?.config).not.toBeNull();
  });

  it('ends a unit whose marker is missing', () => {
    const d = new H264Depacketiser(sprop);
    expect(d.push(nal(5, 10), 0, false, false)).toBeNull();
    expect(d.push(nal(1, 10), 9, false, false)).toMatchObject({ rtp: 0, key: true });
  });

  it('survives any bytes', () => {
    const d = new H264Depacketiser('%%%');
    let seed = 7;
    const random = () => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31;
      return seed;
    };
    for (let i = 0; i < 3000; i++) {
      const bytes = Uint8Array.from({ length: random() % 40 }, () => random() % 256);
      d.push(bytes, i >> 2, random() % 3 === 0, random() % 9 === 0);
    }
  });
});

describe('H.265', () => {
  it('makes the codec string and hvcC', () => {
    const config = h265Config(VPS5, SPS5, PPS5);
    expect(config).toMatchObject({ codecString: 'hvc1.1.6.L120.90', width: 1920, height: 1080 });
    const hvcc = config?.description ?? new Uint8Array(0);
    expect([hvcc[0], hvcc[1], hvcc[12], hvcc[22]]).toEqual([1, 1, 120, 3]);
  });

  it('joins fragmentation units and splits aggregation packets', () => {
    const fmtp = new Map<string, string>();
    const d = new H265Depacketiser(fmtp);
    const sets = [VPS5, SPS5, PPS5].flatMap((n) => [new Uint8Array([n.length >> 8, n.length & 255]), n]);
    d.push(concat([new Uint8Array([48 << 1, 1]), ...sets]), 5, false, false);
    const idr = new Uint8Array([19 << 1, 1, ...new Array(500).fill(0xcd)]);
    const fu = (from: number, to: number, flags: number) =>
      concat([new Uint8Array([49 << 1, 1, flags | 19]), idr.subarray(from, to)]);
    d.push(fu(2, 200, 0x80), 5, false, false);
    d.push(fu(200, 400, 0), 5, false, false);
    const unit = d.push(fu(400, 502, 0x40), 5, true, false);
    expect(unit).toMatchObject({ key: true, rtp: 5 });
    expect(unit?.config?.codec).toBe('h265');
    expect(unit?.data.subarray(4)).toEqual(idr);
  });

  it('waits for a key frame after a loss', () => {
    const d = new H265Depacketiser(new Map([['sprop-vps', base64(VPS5)], ['sprop-sps', base64(SPS5)], ['sprop-pps', base64(PPS5)]]));
    const key = new Uint8Array([19 << 1, 1, 7, 7]);
    const delta = new Uint8Array([1 << 1, 1, 7, 7]);
    expect(d.push(delta, 0, true, false)).toBeNull();
    expect(d.push(key, 1, true, false)?.config).not.toBeNull();
    expect(d.push(delta, 2, true, false)?.key).toBe(false);
    expect(d.push(delta, 3, true, true)).toBeNull();
    expect(d.push(delta, 4, true, false)).toBeNull();
    expect(d.push(key, 5, true, false)?.key).toBe(true);
  });
});

describe('JpegDepacketiser', () => {
  const packet = (offset: number, data: number[], q = 80, type = 1) =>
    new Uint8Array([0, offset >> 16, (offset >> 8) & 255, offset & 255, type, q, 80, 45, ...data]);

  it('rebuilds a JFIF file over fragments', () => {
    const d = new JpegDepacketiser();
    expect(d.push(packet(0, [1, 2, 3]), 9, false, false)).toBeNull();
    const unit = d.push(packet(3, [4, 5]), 9, true, false);
    const file = unit?.data ?? new Uint8Array(0);
    expect([...file.subarray(0, 4)]).toEqual([0xff, 0xd8, 0xff, 0xdb]);
    expect([...file.subarray(-7)]).toEqual([1, 2, 3, 4, 5, 0xff, 0xd9]);
    expect(unit).toMatchObject({ key: true, rtp: 9, config: { width: 640, height: 360 } });
    // Every segment's length leads to the next marker, up to the scan.
    let at = 2;
    const markers: number[] = [];
    while (file[at + 1] !== 0xda) {
      expect(file[at]).toBe(0xff);
      markers.push(file[at + 1]);
      at += 2 + ((file[at + 2] << 8) | file[at + 3]);
    }
    expect(markers).toEqual([0xdb, 0xdb, 0xc0, 0xc4, 0xc4, 0xc4, 0xc4]);
  });

  it('takes tables and restart interval from the stream', () => {
    const d = new JpegDepacketiser();
    const tables = new Array(128).fill(3);
    const head = [0, 7, 0xff, 0xff, 0, 0, 0, 128, ...tables];
    const unit = d.push(packet(0, [...head, 9], 200, 65), 0, true, false);
    const file = [...(unit?.data ?? [])];
    expect(file.slice(2 + 5, 2 + 5 + 64)).toEqual(new Array(64).fill(3));
    expect(file.join()).toContain([0xff, 0xdd, 0, 4, 0, 7].join());
    // The tables of this Q may then be left out.
    const next = d.push(packet(0, [0, 7, 0xff, 0xff, 0, 0, 0, 0, 9], 200, 65), 1, true, false);
    expect(next?.data.length).toBe(unit?.data.length);
  });

  it('drops pictures with holes', () => {
    const d = new JpegDepacketiser();
    d.push(packet(0, [1, 2, 3]), 0, false, false);
    expect(d.push(packet(9, [4]), 0, true, false)).toBeNull();
    d.push(packet(0, [1, 2, 3]), 1, false, false);
    expect(d.push(packet(3, [4]), 1, true, true)).toBeNull();
    expect(d.push(new Uint8Array(3), 1, true, false)).toBeNull();
  });
});
