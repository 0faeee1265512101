import { describe, expect, it } from 'vitest';
import { concat } from './bytes';
import { RtspParser } from './parser';
import { controlUrl, parseSdp } from './sdp';

const text = (s: string) => new TextEncoder().encode(s);
const packet = (channel: number, data: number[]) => new Uint8Array([0x24, channel, data.length >> 8, data.length & 255, ...data]);

describe('RtspParser', () => {
  const stream = concat([
    text('RTSP/1.0 200 OK\r\nCSeq: 2\r\ncontent-length: 4\r\n\r\nabcd'),
    packet(0, [1, 2, 3]),
    packet(3, []),
    text('\r\nRTSP/1.0 454 Session Not Found\r\nCSeq: 3\r\n\r\n'),
  ]);

  it.each([1, 2, 3, 7, 10_000])('gives the same however the bytes are cut (%i)', (size) => {
    const parser = new RtspParser();
    const items = [];
    for (let at = 0; at < stream.length; at += size) items.push(...parser.push(stream.slice(at, at + size)));
    expect(items.map((i) => (i.kind === 'packet' ? [i.channel, ...i.data] : [i.status, i.headers.get('cseq')]))).toEqual([
      [200, '2'],
      [0, 1, 2, 3],
      [3],
      [454, '3'],
    ]);
    const [first] = items;
    expect(first.kind === 'message' && new TextDecoder().decode(first.body)).toBe('abcd');
  });

  it.each([
    ['not RTSP', 'HTTP/1.1 200 OK\r\n\r\n'],
    ['an endless header', `RTSP/1.0 200 OK\r\nX: ${'x'.repeat(20_000)}`],
    ['a huge body', 'RTSP/1.0 200 OK\r\nContent-Length: 999999999\r\n\r\n'],
    ['a negative body', 'RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n'],
  ])('refuses %s', (_, bad) => {
    expect(() => new RtspParser().push(text(bad))).toThrow();
  });

  it('keeps requests of the server apart from answers', () => {
    const [item] = new RtspParser().push(text('TEARDOWN rtsp://h/ RTSP/1.0\r\nCSeq: 9\r\n\r\n'));
    expect(item).toMatchObject({ kind: 'message', status: 0 });
  });
});

describe('parseSdp', () => {
  const sdp = parseSdp(
    [
      'v=0', 'a=control:*', 'm=video 0 RTP/AVP 96', 'a=rtpmap:96 H264/90000',
      'a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z0IAKeKQ,aM48gA==', 'a=control:trackID=0',
      'm=application 0 RTP/AVP 107', 'a=rtpmap:107 vnd.onvif.metadata/90000', 'a=control:rtsp://h/meta',
      'm=video 0 RTP/AVP 26', 'm=audio 0 RTP/AVP 111', 'a=rtpmap:111 opus/48000/2', 'a=fmtp:111 sprop-stereo=0;stereo=0',
    ].join('\r\n'),
  );

  it('reads video, metadata, sound and static payload types', () => {
    expect(sdp.tracks.map((t) => [t.kind, t.encoding, t.payloadType])).toEqual([
      ['video', 'H264', 96],
      ['metadata', 'VND.ONVIF.METADATA', 107],
      ['video', 'JPEG', 26],
      ['audio', 'OPUS', 111],
    ]);
    expect(sdp.tracks[0].fmtp.get('sprop-parameter-sets')).toBe('Z0IAKeKQ,aM48gA==');
  });

  it.each([
    ['rtsp://h/a/', 'trackID=0', 'rtsp://h/a/trackID=0'],
    ['rtsp://h/a?x=1', 'trackID=0', 'rtsp://h/a?x=1/trackID=0'],
    ['rtsp://h/a', 'rtsp://h/meta', 'rtsp://h/meta'],
    ['rtsp://h/a', '*', 'rtsp://h/a'],
    ['rtsp://h/a', '', 'rtsp://h/a'],
  ])('resolves %s + %s', (base, control, want) => {
    expect(controlUrl(base, control)).toBe(want);
  });
});
