/** Sound as it comes: G.711 (RFC 3551), AAC (RFC 3640, mode AAC-hbr) and Opus (RFC 7587). */
import { u16 } from './bytes';
import type { Track } from './sdp';

export interface SoundConfig {
  codec: 'pcmu' | 'pcma' | 'aac' | 'opus';
  /** RFC 6381 string; empty for G.711, which needs no decoder. */
  codecString: string;
  /** Samples a second, and of the track's clock. */
  rate: number;
  channels: number;
  /** AudioSpecificConfig of AAC; empty for the others. */
  description: Uint8Array<ArrayBuffer>;
}

export interface SoundUnit {
  /** Unwrapped RTP time of its first sample. */
  rtp: number;
  /** Samples of a channel in it. */
  samples: number;
  data: Uint8Array<ArrayBuffer>;
}

/** Samples of an AAC-LC frame. */
const AAC_FRAME = 1024;
/** What 13 bits can say of a frame's size. */
const MAX_AAC = 8191;

/** What a track of a session description holds; null for what is not known here. */
export function soundConfig(track: Track): SoundConfig | null {
  const base = { rate: track.clockRate, channels: track.channels, description: new Uint8Array(0) };
  switch (track.encoding) {
    case 'PCMU':
      return { ...base, codec: 'pcmu', codecString: '' };
    case 'PCMA':
      return { ...base, codec: 'pcma', codecString: '' };
    case 'OPUS':
      // The track always says two channels (RFC 7587 §4.1).
      return { ...base, codec: 'opus', codecString: 'opus', channels: track.fmtp.get('sprop-stereo') === '1' ? 2 : 1 };
    case 'MPEG4-GENERIC': {
      const hex = track.fmtp.get('config') ?? '';
      const lengths = track.fmtp.get('sizelength') === '13' && track.fmtp.get('indexlength') === '3';
      if (!lengths || !/^([0-9a-f]{2}){2,64}$/i.test(hex)) return null;
      const description = Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));
      return { ...base, codec: 'aac', codecString: `mp4a.40.${description[0] >> 3}`, description };
    }
    default:
      return null;
  }
}

/** Packets of one track into what a decoder takes. */
export class SoundDepacketiser {
  /** Beginning of an AAC frame that takes more than one packet, and the size of the whole. */
  private parts: { rtp: number; size: number; data: Uint8Array<ArrayBuffer>; have: number } | null = null;

  constructor(private readonly config: SoundConfig) {}

  push(payload: Uint8Array, rtp: number, gap: boolean): SoundUnit[] {
    if (gap) this.parts = null;
    if (payload.length === 0) return [];
    const { codec, channels } = this.config;
    if (codec === 'aac') return this.aac(payload, rtp);
    const samples = codec === 'opus' ? opusSamples(payload) : Math.floor(payload.length / channels);
    return samples > 0 ? [{ rtp, samples, data: payload.slice() }] : [];
  }

  private aac(payload: Uint8Array, rtp: number): SoundUnit[] {
    // The length of the headers in bits; each has 13 bits of size and 3 of index.
    const headers = payload.length > 4 ? u16(payload, 0) >> 4 : 0;
    const out: SoundUnit[] = [];
    let at = 2 + headers * 2;
    for (let i = 0; i < headers && at < payload.length; i++) {
      const size = u16(payload, 2 + i * 2) >> 3;
      const data = payload.slice(at, at + size);
      at += size;
      const time = rtp + i * AAC_FRAME;
      if (data.length === size && size > 0) out.push({ rtp: time, samples: AAC_FRAME, data });
      else if (headers === 1) return this.fragment(data, time, size);
    }
    return out;
  }

  private fragment(data: Uint8Array, rtp: number, size: number): SoundUnit[] {
    if (size > MAX_AAC) return [];
    if (this.parts?.rtp !== rtp || this.parts.size !== size) this.parts = { rtp, size, data: new Uint8Array(size), have: 0 };
    const { parts } = this;
    if (parts.have + data.length > size) {
      this.parts = null;
      return [];
    }
    parts.data.set(data, parts.have);
    parts.have += data.length;
    if (parts.have < size) return [];
    this.parts = null;
    return [{ rtp, samples: AAC_FRAME, data: parts.data }];
  }
}

/** Samples at 48 kHz of an Opus packet, by its first bytes (RFC 6716 §3.1). */
function opusSamples(packet: Uint8Array): number {
  const mode = packet[0] >> 3;
  let frame = 120 << (mode & 3);
  if (mode < 12) frame = (mode & 3) === 3 ? 2880 : 480 << (mode & 3);
  else if (mode < 16) frame = 480 << (mode & 1);
  const code = packet[0] & 3;
  const frames = code === 3 ? (packet[1] ?? 0) & 63 : Math.min(2, code + 1);
  // A packet has at most 120 ms.
  return frame * frames <= 5760 ? frame * frames : 0;
}

/** One sample of µ-law (ITU-T G.711), -1 to 1. */
function fromMulaw(byte: number): number {
  const value = ~byte & 0xff;
  const size = ((((value & 15) << 3) + 132) << (value >> 4 & 7)) - 132;
  return (value & 0x80 ? -size : size) / 32768;
}

/** One sample of A-law (ITU-T G.711), -1 to 1. */
function fromAlaw(byte: number): number {
  const value = byte ^ 0x55;
  const exponent = value >> 4 & 7;
  const mantissa = ((value & 15) << 4) + 8;
  const size = exponent > 0 ? (mantissa + 256) << (exponent - 1) : mantissa;
  return (value & 0x80 ? size : -size) / 32768;
}

const tables: Record<string, Float32Array> = {};

/** Samples of G.711, channels after each other as they come. */
export function g711(codec: 'pcmu' | 'pcma', data: Uint8Array): Float32Array<ArrayBuffer> {
  const table = (tables[codec] ??= Float32Array.from({ length: 256 }, (_, byte) => (codec === 'pcmu' ? fromMulaw(byte) : fromAlaw(byte))));
  return Float32Array.from(data, (byte) => table[byte]);
}

/** As people know it. */
export const SOUND_NAMES: Record<SoundConfig['codec'], string> = { pcmu: 'G.711 µ-law', pcma: 'G.711 A-law', aac: 'AAC', opus: 'Opus' };
