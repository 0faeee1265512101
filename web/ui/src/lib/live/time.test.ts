import { describe, expect, it } from 'vitest';
import { BoxTrack, EXTRAPOLATE_MS, STALE_MS } from './boxes';
import { ClockMap } from './clock';
import { MetadataDepacketiser, parseMetadata, type TrackedObject } from './metadata';
import { pictureArea } from './overlay';
import { streamUrl } from './player.svelte';
import { LossDetector, parseRtp, parseSenderReport, Unwrapper } from './rtp';

describe('RTP', () => {
  it('reads past CSRCs, extension and padding', () => {
    const head = [0b10110001, 0x80 | 96, 0x12, 0x34, 0, 0, 0, 9, 0, 0, 0, 7, 1, 1, 1, 1, 0xab, 0xac, 0, 1, 2, 2, 2, 2];
    const packet = parseRtp(new Uint8Array([...head, 42, 43, 0, 0, 3]));
    expect(packet).toMatchObject({ marker: true, payloadType: 96, sequence: 0x1234, timestamp: 9, ssrc: 7 });
    expect([...(packet?.payload ?? [])]).toEqual([42, 43]);
  });

  it.each([[[]], [[0x80, 96, 0]], [new Array(12).fill(0)], [[0x8f, 96, ...new Array(10).fill(0)]], [[0xa0, 96, ...new Array(9).fill(0), 200]]])(
    'refuses %j',
    (bytes) => {
      expect(parseRtp(new Uint8Array(bytes))).toBeNull();
    },
  );

  it('continues timestamps over the wrap, both ways', () => {
    const u = new Unwrapper();
    expect([u.unwrap(2 ** 32 - 10), u.unwrap(5), u.unwrap(2 ** 32 - 1), u.unwrap(90)]).toEqual([
      2 ** 32 - 10, 2 ** 32 + 5, 2 ** 32 - 1, 2 ** 32 + 90,
    ]);
  });

  it('finds gaps over the sequence wrap', () => {
    const l = new LossDetector();
    expect([65534, 65535, 0, 3, 4].map((n) => l.gap(n))).toEqual([false, false, false, true, false]);
    expect(l.lost).toBe(2);
  });
});

describe('clock', () => {
  const report = (seconds: number, fraction: number, rtp: number) => {
    const bytes = new Uint8Array(36);
    const view = new DataView(bytes.buffer);
    bytes.set([0x80, 201, 0, 1, 0, 0, 0, 7, 0x80, 200, 0, 6]); // an empty receiver report first
    view.setUint32(12, 7);
    view.setUint32(16, seconds);
    view.setUint32(20, fraction);
    view.setUint32(24, rtp);
    return bytes;
  };

  it('maps RTP to UTC by the sender report', () => {
    // 2026-11-22T15:04:05.5Z
    const utc = Date.UTC(2026, 10, 22, 15, 4, 5, 500);
    const sr = parseSenderReport(report(Math.floor(utc / 1000) + 2208988800, 2 ** 31, 900));
    expect(sr).toMatchObject({ utcMs: utc, timestamp: 900, ssrc: 7 });
    const clock = new ClockMap(90000);
    expect(clock.toUtc(900)).toBeNull();
    if (sr) clock.update(sr, 900);
    expect(clock.toUtc(900 + 9000)).toBe(utc + 100);
    expect(clock.toUtc(0)).toBe(utc - 10);
  });

  it('ignores damaged reports', () => {
    const bytes = report(1, 2, 3);
    for (let length = 0; length < bytes.length; length++) expect(parseSenderReport(bytes.subarray(0, length))).toBeNull();
  });
});

const DOCUMENT = `<?xml version="1.0" encoding="UTF-8"?>
<tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema"><tt:VideoAnalytics>
<tt:Frame UtcTime="2026-11-22T15:04:05.320Z" Source="PlateReader">
 <tt:Object ObjectId="41"><tt:Appearance><tt:Shape><tt:BoundingBox left="-0.5" top="0.5" right="0.5" bottom="-0.5"/>
  <tt:CenterOfGravity x="0" y="0"/></tt:Shape><tt:Class><tt:Type Likelihood="0.97">Vehicle</tt:Type></tt:Class></tt:Appearance></tt:Object>
 <tt:Object ObjectId="42" Parent="41"><tt:Appearance><tt:Shape><tt:BoundingBox left="-0.1" top="-0.2" right="0.1" bottom="-0.3"/></tt:Shape>
  <tt:Class><tt:Type>LicensePlate</tt:Type></tt:Class>
  <tt:LicensePlateInfo><tt:PlateNumber Likelihood="0.93">ABC123</tt:PlateNumber></tt:LicensePlateInfo></tt:Appearance></tt:Object>
 <tt:Object ObjectId="43"/>
</tt:Frame></tt:VideoAnalytics></tt:MetadataStream>`;

describe('metadata', () => {
  it('reads boxes with y down, kinds and plates', () => {
    const [frame] = parseMetadata(DOCUMENT);
    expect(frame.utcMs).toBe(Date.UTC(2026, 10, 22, 15, 4, 5, 320));
    expect(frame.objects.map((o) => [o.id, o.kind, o.plate, o.likelihood])).toEqual([
      ['41', 'vehicle', null, null],
      ['42', 'plate', 'ABC123', 0.93],
    ]);
    expect(frame.objects[0].box).toEqual({ x: 0.25, y: 0.25, w: 0.5, h: 0.5 });
    expect(frame.objects[1].box.y).toBeCloseTo(0.6);
  });

  it('honours a transformation of the frame', () => {
    // Pixels of a 1920 x 1080 picture, y down.
    const pixels = DOCUMENT.replace(
      /<tt:Object ObjectId="41">/,
      '<tt:Transformation><tt:Translate x="-1" y="1"/><tt:Scale x="0.00104166667" y="-0.00185185185"/></tt:Transformation>$&',
    ).replace('left="-0.5" top="0.5" right="0.5" bottom="-0.5"', 'left="480" top="270" right="1440" bottom="810"');
    const box = parseMetadata(pixels)[0].objects[0].box;
    for (const [value, want] of [[box.x, 0.25], [box.y, 0.25], [box.w, 0.5], [box.h, 0.5]]) expect(value).toBeCloseTo(want, 5);
  });

  it.each(['', 'not xml', '<a/>', '<tt:MetadataStream'])('gives nothing for %j', (bad) => {
    expect(parseMetadata(bad)).toEqual([]);
  });

  it('joins packets up to the marker and drops documents with a hole', () => {
    const d = new MetadataDepacketiser();
    const bytes = (s: string) => new TextEncoder().encode(s);
    expect(d.push(bytes('<a>'), false, false)).toBeNull();
    expect(d.push(bytes('ü</a>'), true, false)).toBe('<a>ü</a>');
    d.push(bytes('<a>'), false, false);
    expect(d.push(bytes('</a>'), true, true)).toBeNull();
    expect(d.push(bytes('<b/>'), true, false)).toBe('<b/>');
  });

  it('bounds the size of a document', () => {
    const d = new MetadataDepacketiser();
    for (let i = 0; i < 20; i++) d.push(new Uint8Array(65_000), false, false);
    expect(d.push(new Uint8Array(1), true, false)).toBeNull();
  });
});

describe('BoxTrack', () => {
  const object = (id: string, x: number): TrackedObject => ({ id, kind: 'plate', box: { x, y: 0, w: 0.1, h: 0.1 }, plate: null, likelihood: null });
  const track = () => {
    const t = new BoxTrack();
    t.add({ utcMs: 1000, objects: [object('a', 0.1)] });
    t.add({ utcMs: 1100, objects: [object('a', 0.2), object('b', 0.5)] });
    return t;
  };
  const x = (t: BoxTrack, at: number) => t.at(at).map((o) => [o.id, Number(o.box.x.toFixed(3))]);

  it('never shows a frame that is analysed later than the picture', () => {
    expect(x(track(), 999)).toEqual([]);
    expect(x(track(), 1000)).toEqual([['a', 0.1]]);
    expect(x(track(), 1099).length).toBe(1);
  });

  it('moves boxes on by their speed for at most 200 ms', () => {
    expect(x(track(), 1150)).toEqual([['a', 0.25], ['b', 0.5]]);
    const most = x(track(), 1100 + EXTRAPOLATE_MS);
    expect(most).toEqual([['a', 0.4], ['b', 0.5]]);
    expect(x(track(), 1100 + EXTRAPOLATE_MS + 300)).toEqual(most);
  });

  it('forgets boxes when nothing more is heard, and at once when a frame is empty', () => {
    expect(x(track(), 1100 + STALE_MS + 1)).toEqual([]);
    const t = track();
    t.add({ utcMs: 1200, objects: [] });
    expect(x(t, 1210)).toEqual([]);
  });

  it('takes a clock step as a new start', () => {
    const t = track();
    t.add({ utcMs: 500, objects: [object('c', 0.7)] });
    expect(x(t, 600)).toEqual([['c', 0.7]]);
    expect(x(t, 1100)).toEqual([['c', 0.7]]);
  });
});

describe('overlay', () => {
  it.each([
    [1600, 900, false, { x: 0, y: 0, w: 1600, h: 900 }],
    [1000, 900, false, { x: 0, y: 168.75, w: 1000, h: 562.5 }],
    [1000, 900, true, { x: 0, y: 0, w: 1000, h: 900 }],
  ])('places the picture in %i x %i, fill %s', (w, h, fill, want) => {
    const area = pictureArea(w, h, 1920, 1080, fill);
    for (const side of ['x', 'y', 'w', 'h'] as const) expect(area[side]).toBeCloseTo(want[side], 6);
  });

  it('uses the manual’s stream address', () => {
    expect(streamUrl('main', 'h:1')).toBe('rtsp://h:1/video/livemedia?Ch=1&Streamtype=0');
    expect(streamUrl('sub', 'h')).toContain('Streamtype=1');
  });
});
