/** Reads the parts of a session description that the player needs (RFC 8866, RFC 6184, RFC 7798). */

export interface Track {
  kind: 'video' | 'audio' | 'metadata' | 'other';
  /** Upper-case encoding name: H264, H265, JPEG, VND.ONVIF.METADATA, PCMU, PCMA, MPEG4-GENERIC, OPUS. */
  encoding: string;
  payloadType: number;
  clockRate: number;
  /** Of sound, as `a=rtpmap` says it. */
  channels: number;
  /** `a=control`, not yet resolved. */
  control: string;
  fmtp: Map<string, string>;
}

export interface Session {
  control: string;
  tracks: Track[];
}

export function parseSdp(text: string): Session {
  const session: Session = { control: '*', tracks: [] };
  let track: Track | null = null;
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('m=')) {
      const [media, , , format] = line.slice(2).split(' ');
      const payloadType = Number(format);
      track = {
        kind: media === 'video' || media === 'audio' ? media : 'other',
        encoding: payloadType === 26 ? 'JPEG' : '',
        payloadType,
        clockRate: 90000,
        channels: 1,
        control: '',
        fmtp: new Map(),
      };
      session.tracks.push(track);
    } else if (line.startsWith('a=control:')) {
      const value = line.slice(10).trim();
      if (track) track.control = value;
      else session.control = value;
    } else if (track && line.startsWith('a=rtpmap:')) {
      const m = /^a=rtpmap:(\d+) ([^/]+)\/(\d+)(?:\/(\d+))?/.exec(line);
      if (m && Number(m[1]) === track.payloadType) {
        track.encoding = m[2].toUpperCase();
        track.clockRate = Number(m[3]) || 90000;
        track.channels = Number(m[4]) || 1;
        if (track.encoding.startsWith('VND.ONVIF.METADATA')) track.kind = 'metadata';
      }
    } else if (track && line.startsWith('a=fmtp:')) {
      const rest = line.slice(line.indexOf(' ') + 1);
      for (const part of rest.split(';')) {
        const eq = part.indexOf('=');
        if (eq > 0) track.fmtp.set(part.slice(0, eq).trim().toLowerCase(), part.slice(eq + 1).trim());
      }
    }
  }
  return session;
}

/** Resolves a control attribute against the base (RFC 2326 appendix C.1.1: simple concatenation). */
export function controlUrl(base: string, control: string): string {
  if (control === '' || control === '*') return base;
  if (/^rtsps?:\/\//i.test(control)) return control;
  return base.endsWith('/') ? base + control : `${base}/${control}`;
}
