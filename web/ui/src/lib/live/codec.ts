/** What every depacketiser hands to a renderer. */

export interface VideoConfig {
  codec: 'h264' | 'h265' | 'jpeg';
  /** RFC 6381 string, e.g. `avc1.640028`; `jpeg` for Motion JPEG. */
  codecString: string;
  /** Decoder configuration record (avcC or hvcC body); empty for JPEG. */
  description: Uint8Array<ArrayBuffer>;
  width: number;
  height: number;
}

export interface AccessUnit {
  /** Unwrapped RTP time at 90 kHz. */
  rtp: number;
  key: boolean;
  /** H.264/H.265: NAL units with 4-byte lengths. JPEG: a complete JFIF file. */
  data: Uint8Array<ArrayBuffer>;
  /** Set when the decoder must be configured before this unit. */
  config: VideoConfig | null;
}

export interface Depacketiser {
  /** One packet in, zero or one access unit out. `gap` says that packets before this one were lost. */
  push(payload: Uint8Array, rtp: number, marker: boolean, gap: boolean): AccessUnit | null;
}

/** One access unit holds at most this much; more means a broken or hostile stream. */
export const MAX_ACCESS_UNIT = 8 * 1024 * 1024;

/** NAL units with 4-byte big-endian lengths, as avcC/hvcC with lengthSizeMinusOne = 3 says. */
export function lengthPrefixed(nals: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const nal of nals) length += 4 + nal.length;
  const out = new Uint8Array(length);
  const view = new DataView(out.buffer);
  let at = 0;
  for (const nal of nals) {
    view.setUint32(at, nal.length);
    out.set(nal, at + 4);
    at += 4 + nal.length;
  }
  return out;
}
