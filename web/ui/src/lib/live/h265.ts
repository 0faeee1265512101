/** H.265 over RTP: single NAL unit, AP and FU (RFC 7798), and hvcC (ISO/IEC 14496-15). */
import { BitReader, concat, equal, fromBase64, u16, unescapeNal } from './bytes';
import { type AccessUnit, type Depacketiser, lengthPrefixed, MAX_ACCESS_UNIT, type VideoConfig } from './codec';

const VPS = 32;
const SPS = 33;
const PPS = 34;
const AUD = 35;
const AP = 48;
const FU = 49;

const nalType = (nal: Uint8Array): number => (nal[0] >> 1) & 0x3f;

export class H265Depacketiser implements Depacketiser {
  private sets = new Map<number, Uint8Array>();
  private configDirty = false;
  private nals: Uint8Array[] = [];
  private fragment: Uint8Array[] = [];
  private size = 0;
  private time: number | null = null;
  private broken = false;
  private waitKey = true;

  constructor(fmtp: Map<string, string>) {
    for (const name of ['sprop-vps', 'sprop-sps', 'sprop-pps']) {
      const value = fmtp.get(name);
      try {
        if (value) this.take(fromBase64(value));
      } catch {
        // Parameter sets come in the stream as well.
      }
    }
    this.nals = [];
  }

  push(payload: Uint8Array, rtp: number, marker: boolean, gap: boolean): AccessUnit | null {
    let finished: AccessUnit | null = null;
    if (this.time !== null && this.time !== rtp) finished = this.finish(this.time);
    this.time = rtp;
    if (gap) {
      this.broken = true;
      this.fragment = [];
    }
    this.accept(payload);
    if (marker) {
      const unit = this.finish(rtp);
      this.time = null;
      return unit ?? finished;
    }
    return finished;
  }

  private accept(payload: Uint8Array): void {
    if (payload.length < 3 || this.size + payload.length > MAX_ACCESS_UNIT) {
      this.broken = true;
      return;
    }
    this.size += payload.length;
    const type = nalType(payload);
    if (type === AP) {
      let at = 2;
      while (at + 2 <= payload.length) {
        const length = u16(payload, at);
        if (length < 2 || at + 2 + length > payload.length) {
          this.broken = true;
          return;
        }
        this.take(payload.subarray(at + 2, at + 2 + length));
        at += 2 + length;
      }
    } else if (type === FU) {
      const header = payload[2];
      if (header & 0x80) {
        const first = (payload[0] & 0x81) | ((header & 0x3f) << 1);
        this.fragment = [new Uint8Array([first, payload[1]]), payload.subarray(3)];
      } else if (this.fragment.length > 0) {
        this.fragment.push(payload.subarray(3));
      } else {
        this.broken = true;
        return;
      }
      if (header & 0x40) {
        this.take(concat(this.fragment));
        this.fragment = [];
      }
    } else if (type < AP) {
      this.take(payload);
    }
  }

  private take(nal: Uint8Array): void {
    if (nal.length < 3) return;
    const type = nalType(nal);
    if (type === VPS || type === SPS || type === PPS) {
      const known = this.sets.get(type);
      if (!known || !equal(known, nal)) this.configDirty = true;
      this.sets.set(type, nal.slice());
    } else if (type !== AUD) {
      this.nals.push(nal);
    }
  }

  private finish(rtp: number): AccessUnit | null {
    const { nals, broken } = this;
    this.nals = [];
    this.fragment = [];
    this.size = 0;
    this.broken = false;
    if (broken) {
      this.waitKey = true;
      return null;
    }
    if (nals.length === 0) return null;
    const key = nals.some((nal) => nalType(nal) >= 16 && nalType(nal) <= 21); // IRAP
    if (this.waitKey && !key) return null;
    let config: VideoConfig | null = null;
    if (key && (this.configDirty || this.waitKey)) {
      const [vps, sps, pps] = [VPS, SPS, PPS].map((type) => this.sets.get(type));
      if (!vps || !sps || !pps) return null;
      config = h265Config(vps, sps, pps);
      if (!config) return null;
      this.configDirty = false;
    }
    if (key) this.waitKey = false;
    return { rtp, key, data: lengthPrefixed(nals), config };
  }
}

interface SpsInfo {
  /** profile_space/tier/profile, compatibility, constraints, level: 12 bytes as in hvcC. */
  profile: Uint8Array;
  chroma: number;
  lumaDepth: number;
  chromaDepth: number;
  subLayers: number;
  nested: number;
  width: number;
  height: number;
}

/** Reads a sequence parameter set up to the bit depths (H.265 §7.3.2.2). */
export function h265Sps(sps: Uint8Array): SpsInfo {
  const raw = unescapeNal(sps.subarray(2));
  const r = new BitReader(raw);
  r.skip(4);
  const maxSubLayers = r.bits(3);
  const nested = r.bit();
  const profile = raw.slice(1, 13);
  r.skip(96);
  const present: [number, number][] = [];
  for (let i = 0; i < maxSubLayers; i++) present.push([r.bit(), r.bit()]);
  if (maxSubLayers > 0) r.skip(2 * (8 - maxSubLayers));
  for (const [hasProfile, hasLevel] of present) {
    if (hasProfile) r.skip(88);
    if (hasLevel) r.skip(8);
  }
  r.ue(); // sps_seq_parameter_set_id
  const chroma = r.ue();
  if (chroma === 3) r.bit();
  let width = r.ue();
  let height = r.ue();
  if (r.bit()) {
    const [left, right, top, bottom] = [r.ue(), r.ue(), r.ue(), r.ue()];
    width -= (left + right) * (chroma === 1 || chroma === 2 ? 2 : 1);
    height -= (top + bottom) * (chroma === 1 ? 2 : 1);
  }
  if (width < 1 || height < 1 || width > 16384 || height > 16384 || profile.length < 12) {
    throw new RangeError(`picture size ${width} x ${height} is out of range`);
  }
  const lumaDepth = r.ue();
  const chromaDepth = r.ue();
  return { profile, chroma, lumaDepth, chromaDepth, subLayers: maxSubLayers + 1, nested, width, height };
}

/** RFC 6381 codec string, e.g. `hvc1.1.6.L93.B0` (ISO/IEC 14496-15 annex E). */
function codecString(profile: Uint8Array): string {
  const space = ['', 'A', 'B', 'C'][profile[0] >> 6];
  const compat = ((profile[1] << 24) | (profile[2] << 16) | (profile[3] << 8) | profile[4]) >>> 0;
  let reversed = 0;
  for (let i = 0; i < 32; i++) reversed = (reversed * 2 + ((compat >>> i) & 1)) >>> 0;
  const constraints = [...profile.subarray(5, 11)];
  while (constraints.length > 0 && constraints[constraints.length - 1] === 0) constraints.pop();
  const tail = constraints.map((byte) => `.${byte.toString(16).toUpperCase()}`).join('');
  const tier = profile[0] & 0x20 ? 'H' : 'L';
  return `hvc1.${space}${profile[0] & 0x1f}.${reversed.toString(16).toUpperCase()}.${tier}${profile[11]}${tail}`;
}

/** Builds the decoder configuration; null when the sequence parameter set cannot be read. */
export function h265Config(vps: Uint8Array, sps: Uint8Array, pps: Uint8Array): VideoConfig | null {
  let info: SpsInfo;
  try {
    info = h265Sps(sps);
  } catch {
    return null;
  }
  const record = [1, ...info.profile, 0xf0, 0, 0xfc, 0xfc | info.chroma];
  record.push(0xf8 | info.lumaDepth, 0xf8 | info.chromaDepth, 0, 0);
  record.push((info.subLayers << 3) | (info.nested << 2) | 3, 3);
  for (const [type, nal] of [[VPS, vps], [SPS, sps], [PPS, pps]] as const) {
    record.push(0x80 | type, 0, 1, nal.length >> 8, nal.length & 0xff, ...nal);
  }
  return {
    codec: 'h265',
    codecString: codecString(info.profile),
    description: new Uint8Array(record),
    width: info.width,
    height: info.height,
  };
}
