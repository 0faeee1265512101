// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { LEAST_S, MOST_S, SoundLine } from './listener';
import { parseSdp } from './sdp';
import { g711, SoundDepacketiser, soundConfig, type SoundConfig } from './sound';

const track = (...lines: string[]) => parseSdp(['m=audio 0 RTP/AVP 97', ...lines].join('\r\n')).tracks[0];
const AAC_LINES = ['a=rtpmap:97 mpeg4-generic/16000/1', 'a=fmtp:97 streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1408'];
const known = (...lines: string[]): SoundConfig => {
  const config = soundConfig(track(...lines));
  if (!config) throw new Error('not known');
  return config;
};

describe('a track of sound', () => {
  it.each([
    [['a=rtpmap:97 PCMU/8000'], { codec: 'pcmu', rate: 8000, channels: 1 }],
    [['a=rtpmap:97 PCMA/8000'], { codec: 'pcma', rate: 8000, channels: 1 }],
    [['a=rtpmap:97 opus/48000/2', 'a=fmtp:97 sprop-stereo=0'], { codec: 'opus', rate: 48000, channels: 1, codecString: 'opus' }],
    [['a=rtpmap:97 opus/48000/2', 'a=fmtp:97 sprop-stereo=1'], { codec: 'opus', channels: 2 }],
    [AAC_LINES, { codec: 'aac', rate: 16000, channels: 1, codecString: 'mp4a.40.2', description: new Uint8Array([0x14, 0x08]) }],
  ])('is known by its description: %s', (lines, expected) => {
    expect(known(...lines)).toMatchObject(expected);
  });

  it.each([['a=rtpmap:97 G726-32/8000'], ['a=rtpmap:97 mpeg4-generic/16000/1']])('is not guessed: %s', (line) => {
    expect(soundConfig(track(line))).toBeNull();
  });
});

describe('packets of sound', () => {
  it('are the samples of G.711 and the frames of Opus', () => {
    const mulaw = new SoundDepacketiser(known('a=rtpmap:97 PCMU/8000'));
    expect(mulaw.push(new Uint8Array(160), 5, false)).toMatchObject([{ rtp: 5, samples: 160 }]);
    const opus = new SoundDepacketiser(known('a=rtpmap:97 opus/48000/2'));
    const samples = (...bytes: number[]) => opus.push(new Uint8Array(bytes), 0, false)[0]?.samples;
    // 20 ms of CELT, 60 ms of SILK, twice 10 ms of both, five times 2.5 ms; more than 120 ms is none.
    expect([samples(0xf8, 1), samples(0x18), samples(0x61, 1), samples(0x83, 5), samples(0xfb, 63), samples()]).toEqual([960, 2880, 960, 600, undefined, undefined]);
  });

  it('hold one frame of AAC, several or a part of one', () => {
    const aac = new SoundDepacketiser(known(...AAC_LINES));
    const packet = (sizes: number[], ...data: number[]) => new Uint8Array([0, sizes.length * 16, ...sizes.flatMap((n) => [n >> 5, (n << 3) & 0xff]), ...data]);
    expect(aac.push(packet([3], 1, 2, 3), 7, false)).toEqual([{ rtp: 7, samples: 1024, data: new Uint8Array([1, 2, 3]) }]);
    expect(aac.push(packet([2, 1], 4, 5, 6), 0, false)).toMatchObject([{ rtp: 0, data: new Uint8Array([4, 5]) }, { rtp: 1024, data: new Uint8Array([6]) }]);
    expect(aac.push(packet([5], 1, 2, 3), 9, false)).toEqual([]);
    expect(aac.push(packet([5], 4, 5), 9, false)).toMatchObject([{ rtp: 9, data: new Uint8Array([1, 2, 3, 4, 5]) }]);
    aac.push(packet([5], 1, 2, 3), 9, false);
    expect(aac.push(packet([5], 4, 5), 9, true), 'its beginning was lost').toEqual([]);
    expect(aac.push(packet([5], 1, 2, 3), 11, false)).toEqual([]);
    expect(aac.push(packet([5], 1, 2, 3), 11, false), 'more than it has').toEqual([]);
    for (let length = 0; length < 8; length++) aac.push(new Uint8Array(length).fill(0xff), 0, false);
  });
});

it('G.711 is what ITU-T says', () => {
  const value = (codec: 'pcmu' | 'pcma', byte: number) => g711(codec, new Uint8Array([byte]))[0] * 32768;
  expect([0xff, 0x7f, 0x80, 0x00, 0xf0].map((byte) => value('pcmu', byte) + 0)).toEqual([0, 0, 32124, -32124, 120]);
  expect([0xd5, 0x55, 0xaa, 0x2a, 0xc5].map((byte) => value('pcma', byte))).toEqual([8, -8, 32256, -32256, 264]);
});

describe('sound beside the picture', () => {
  it('goes on piece after piece whatever the network does, as long as it is in time', () => {
    const line = new SoundLine();
    const first = line.place(10, 1, 0.1);
    expect(first).toEqual({ at: 1.1, moved: true });
    for (let n = 1; n < 100; n++) {
      const { at, moved } = line.place(10 + n * 0.02, 1 + n * 0.02 + (n % 2) * 0.05, 0.1);
      expect(moved).toBe(false);
      expect(at).toBeCloseTo(1.1 + n * 0.02);
    }
  });

  it('waits for the picture, but no longer than a live view bears', () => {
    for (const [wanted, waits] of [[0.1, 0.1], [5, MOST_S], [-3, LEAST_S], [null, 0.08]] as const) {
      expect(new SoundLine().place(0, 0, wanted).at).toBe(waits);
    }
    // The picture is later now, and stays so.
    const line = new SoundLine();
    line.place(0, 0, 0.05);
    const moves = Array.from({ length: 100 }, (_, n) => line.place((n + 1) * 0.02, (n + 1) * 0.02, 0.18)).filter(({ moved }) => moved);
    expect(moves).toHaveLength(1);
  });

  it('leaves out what comes too late instead of being late from then on', () => {
    const line = new SoundLine();
    line.place(0, 0, 0.1);
    // A second of nothing, then all at once.
    const burst = Array.from({ length: 50 }, (_, n) => line.place(0.02 * (n + 1), 1, 0.1));
    expect(burst[0].moved).toBe(true);
    expect(Math.max(...burst.map(({ at }) => at - 1))).toBeLessThanOrEqual(MOST_S);
    expect(line.place(1.02, 1.02, 0.1).at - 1.02).toBeLessThanOrEqual(MOST_S);
  });
});
