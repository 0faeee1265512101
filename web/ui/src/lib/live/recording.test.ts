// @vitest-environment node
import { describe, expect, it } from 'vitest';
import type { AccessUnit, VideoConfig } from './codec';
import { Recording, type Written } from './recording';
import type { SoundConfig, SoundUnit } from './sound';

const config = (width: number): VideoConfig => ({ codec: 'h264', codecString: 'avc1.640028', description: new Uint8Array([1, 0x64, 0, 0x28]), width, height: 720 });
const unit = (rtp: number, key = false): AccessUnit => ({ rtp, key, data: new Uint8Array(100).fill(rtp % 251), config: null });

const OPUS: SoundConfig = { codec: 'opus', codecString: 'opus', rate: 48000, channels: 1, description: new Uint8Array(0) };
const AAC: SoundConfig = { codec: 'aac', codecString: 'mp4a.40.2', rate: 16000, channels: 1, description: new Uint8Array([0x14, 8]) };
const piece = (samples: number): SoundUnit => ({ rtp: 0, samples, data: new Uint8Array(20) });

interface Box {
  type: string;
  body: Uint8Array;
}

function boxes(data: Uint8Array): Box[] {
  const out: Box[] = [];
  for (let at = 0; at < data.length; ) {
    const size = new DataView(data.buffer, data.byteOffset + at).getUint32(0);
    out.push({ type: String.fromCharCode(...data.subarray(at + 4, at + 8)), body: data.subarray(at + 8, at + size) });
    at += size;
  }
  return out;
}

const bytes = async (blob: Blob): Promise<Uint8Array> => new Uint8Array(await blob.arrayBuffer());

/** Decode times and durations of the frames of a file, or of its sound. */
async function times(file: Written, track = 1): Promise<[number, number][]> {
  const out: [number, number][] = [];
  for (const { type, body } of boxes(await bytes(file.blob))) {
    if (type !== 'moof') continue;
    const traf = boxes(boxes(body)[1].body);
    const view = (box: Box) => new DataView(box.body.buffer, box.body.byteOffset, box.body.length);
    if (view(traf[0]).getUint32(4) === track) out.push([view(traf[1]).getUint32(8), view(traf[2]).getUint32(12)]);
  }
  return out;
}

function record(feed: (recording: Recording) => void, maxFile?: number): Written[] {
  const files: Written[] = [];
  const recording = new Recording((file) => files.push(file), maxFile);
  feed(recording);
  recording.end();
  return files;
}

describe('a recording (LIVE-11)', () => {
  it('begins with a key frame and has each frame once with its time', async () => {
    const [file, ...more] = record((r) => {
      r.push(unit(900), config(1280));
      r.push(unit(3600, true), config(1280));
      r.push(unit(7200), config(1280));
      r.push(unit(14400), config(1280));
    });
    expect(more).toEqual([]);
    expect(file).toMatchObject({ number: 1, frames: 3, seconds: (3600 + 7200 + 7200) / 90000 });
    expect(await times(file)).toEqual([[0, 3600], [3600, 7200], [10800, 7200]]);
    const types = boxes(await bytes(file.blob)).map((b) => b.type);
    expect(types).toEqual(['ftyp', 'moov', 'moof', 'mdat', 'moof', 'mdat', 'moof', 'mdat']);
    // The length stands in the head.
    const moov = boxes(await bytes(file.blob))[1].body;
    const mvex = boxes(moov).find((b) => b.type === 'mvex');
    const mehd = boxes(mvex?.body ?? new Uint8Array()).find((b) => b.type === 'mehd')?.body ?? new Uint8Array(8);
    expect(new DataView(mehd.buffer, mehd.byteOffset).getUint32(4)).toBe(18000);
  });

  it('goes on in the same file after the connection was lost', async () => {
    const [file] = record((r) => {
      r.push(unit(90000, true), config(1280));
      r.push(unit(93600), config(1280));
      // Another connection, another count; its first frame is a key frame.
      r.push(unit(500, true), config(1280));
      r.push(unit(4100), config(1280));
    });
    expect(await times(file)).toEqual([[0, 3600], [3600, 3600], [7200, 3600], [10800, 3600]]);
  });

  it('begins another file when the picture changes its size, and mixes nothing', () => {
    const files = record((r) => {
      r.push(unit(0, true), config(1280));
      r.push(unit(3600), config(1280));
      r.push(unit(7200), config(640));
      r.push(unit(10800, true), config(640));
    });
    expect(files.map((f) => [f.number, f.frames])).toEqual([[1, 2], [2, 1]]);
  });

  it('begins another file when one is large enough, at a key frame', () => {
    const files = record((r) => {
      for (let i = 0; i < 12; i++) r.push(unit(i * 3600, i % 4 === 0), config(1280));
    }, 300);
    expect(files.map((f) => f.frames)).toEqual([4, 4, 4]);
  });

  it('writes nothing of nothing, and nothing of JPEG', () => {
    const jpeg: VideoConfig = { ...config(1280), codec: 'jpeg' };
    expect(record(() => undefined)).toEqual([]);
    expect(record((r) => r.push(unit(0, true), jpeg))).toEqual([]);
    expect(record((r) => r.push(unit(0), config(1280)))).toEqual([]);
  });

  it('has the sound beside the pictures', async () => {
    const [file] = record((r) => {
      r.sound(piece(960), OPUS, 85000);
      r.push(unit(90000, true), config(1280));
      // Before the first picture; then in step with it.
      r.sound(piece(960), OPUS, 88200);
      r.sound(piece(960), OPUS, 91800);
      // Its own clock is not exact: it goes on where it ended.
      r.sound(piece(960), OPUS, 93610);
      r.push(unit(93600), config(1280));
      r.push(unit(97200), config(1280));
      // 300 ms are missing; and one comes twice.
      r.sound(piece(960), OPUS, 124200);
      r.sound(piece(960), OPUS, 91800);
      // Another connection; its count has nothing to do with this one's.
      r.sound(piece(960), OPUS, 9e9);
    });
    expect(await times(file, 2)).toEqual([[960, 960], [1920, 960], [18240, 960]]);
    expect(await times(file)).toEqual([[0, 3600], [3600, 3600], [7200, 3600]]);
    const moov = boxes(boxes(await bytes(file.blob))[1].body);
    expect(moov.map((b) => b.type)).toEqual(['mvhd', 'trak', 'trak', 'mvex']);
    const text = new TextDecoder('latin1').decode(moov[2].body);
    expect(['smhd', 'Opus', 'dOps'].filter((type) => !text.includes(type))).toEqual([]);
  });

  it('begins another file when the sound becomes another', async () => {
    const files = record((r) => {
      for (let n = 0; n < 4; n++) {
        r.push(unit(n * 3600, n % 2 === 0), config(1280));
        r.sound(piece(n === 0 ? 960 : 1024), n === 0 ? OPUS : AAC, n * 3600);
      }
    });
    expect(files.map((f) => f.frames)).toEqual([2, 2]);
    expect(await times(files[1], 2)).toEqual([[0, 1024], [1024, 1024]]);
    const text = new TextDecoder('latin1').decode(await bytes(files[1].blob));
    expect(text.slice(0, 2000)).toContain('esds');
  });

  it('is silent where the sound has no place in the file', async () => {
    const [file] = record((r) => {
      r.push(unit(0, true), config(1280));
      r.sound(piece(160), { ...OPUS, codec: 'pcmu', codecString: '', rate: 8000 }, 0);
    });
    expect(await times(file, 2)).toEqual([]);
    expect(boxes(boxes(await bytes(file.blob))[1].body).map((b) => b.type)).toEqual(['mvhd', 'trak', 'mvex']);
  });
});
