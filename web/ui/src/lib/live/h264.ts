/** H.264 over RTP: single NAL unit, STAP-A and FU-A (RFC 6184), and avcC (ISO/IEC 14496-15). */
import { BitReader, equal, fromBase64, hex2, u16, unescapeNal } from './bytes';
import { type AccessUnit, type Depacketiser, lengthPrefixed, MAX_ACCESS_UNIT, type VideoConfig } from './codec';

const SLICE_IDR = 5;
const SPS = 7;
const PPS = 8;
const AUD = 9;
const STAP_A = 24;
const FU_A = 28;

export class H264Depacketiser implements Depacketiser {
  private sps: Uint8Array | null = null;
  private pps: Uint8Array | null = null;
  private configDirty = false;
  private nals: Uint8Array[] = [];
  private fragment: Uint8Array[] = [];
  private size = 0;
  private time: number | null = null;
  private broken = false;
  /** Until a key frame is complete nothing can be decoded. */
  private waitKey = true;

  constructor(sprop: string | undefined) {
    for (const part of sprop?.split(',') ?? []) {
      try {
        this.take(fromBase64(part));
      } catch {
        // A damaged sprop is no reason to fail: parameter sets come in the stream as well.
      }
    }
    this.nals = [];
  }

  push(payload: Uint8Array, rtp: number, marker: boolean, gap: boolean): AccessUnit | null {
    let finished: AccessUnit | null = null;
    if (this.time !== null && this.time !== rtp) {
      // The marker of the last unit was lost or never set.
      finished = this.finish(this.time);
    }
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
    if (payload.length < 2 || this.size + payload.length > MAX_ACCESS_UNIT) {
      this.broken = true;
      return;
    }
    this.size += payload.length;
    const type = payload[0] & 0x1f;
    if (type === STAP_A) {
      let at = 1;
      while (at + 2 <= payload.length) {
        const length = u16(payload, at);
        if (length === 0 || at + 2 + length > payload.length) {
          this.broken = true;
          return;
        }
        this.take(payload.subarray(at + 2, at + 2 + length));
        at += 2 + length;
      }
    } else if (type === FU_A) {
      const header = payload[1];
      if (header & 0x80) {
        this.fragment = [new Uint8Array([(payload[0] & 0xe0) | (header & 0x1f)]), payload.subarray(2)];
      } else if (this.fragment.length > 0) {
        this.fragment.push(payload.subarray(2));
      } else {
        this.broken = true;
        return;
      }
      if (header & 0x40) {
        this.take(join(this.fragment));
        this.fragment = [];
      }
    } else if (type > 0 && type < STAP_A) {
      this.take(payload);
    }
  }

  private take(nal: Uint8Array): void {
    const type = nal[0] & 0x1f;
    if (type === SPS) {
      if (!this.sps || !equal(this.sps, nal)) this.configDirty = true;
      this.sps = nal.slice();
    } else if (type === PPS) {
      if (!this.pps || !equal(this.pps, nal)) this.configDirty = true;
      this.pps = nal.slice();
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
      this.waitKey = true; // everything up to the next key frame refers to a missing picture
      return null;
    }
    if (nals.length === 0) return null;
    const key = nals.some((nal) => (nal[0] & 0x1f) === SLICE_IDR);
    if (this.waitKey && !key) return null;
    let config: VideoConfig | null = null;
    if (key && (this.configDirty || this.waitKey)) {
      if (!this.sps || !this.pps) return null;
      config = h264Config(this.sps, this.pps);
      if (!config) return null;
      this.configDirty = false;
    }
    if (key) this.waitKey = false;
    return { rtp, key, data: lengthPrefixed(nals), config };
  }
}

function join(parts: Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Builds the decoder configuration; null when the sequence parameter set cannot be read. */
export function h264Config(sps: Uint8Array, pps: Uint8Array): VideoConfig | null {
  if (sps.length < 4) return null;
  let size: { width: number; height: number };
  try {
    size = h264Size(sps);
  } catch {
    return null;
  }
  const record = [1, sps[1], sps[2], sps[3], 0xff, 0xe1, sps.length >> 8, sps.length & 0xff, ...sps];
  record.push(1, pps.length >> 8, pps.length & 0xff, ...pps);
  if ([100, 110, 122, 144].includes(sps[1])) record.push(0xfd, 0xf8, 0xf8, 0); // 4:2:0, 8 bit
  return {
    codec: 'h264',
    codecString: `avc1.${hex2(sps[1])}${hex2(sps[2])}${hex2(sps[3])}`,
    description: new Uint8Array(record),
    ...size,
  };
}

/** Picture size after cropping, from a sequence parameter set (H.264 §7.3.2.1.1). */
export function h264Size(sps: Uint8Array): { width: number; height: number } {
  const r = new BitReader(unescapeNal(sps.subarray(1)));
  const profile = r.bits(8);
  r.skip(16);
  r.ue(); // seq_parameter_set_id
  let chroma = 1;
  if ([100, 110, 122, 244, 44, 83, 86, 118, 128].includes(profile)) {
    chroma = r.ue();
    if (chroma === 3) r.bit();
    r.ue(); // bit depths
    r.ue();
    r.bit();
    if (r.bit()) {
      for (let i = 0; i < (chroma === 3 ? 12 : 8); i++) {
        if (!r.bit()) continue;
        let last = 8;
        let next = 8;
        for (let j = 0; j < (i < 6 ? 16 : 64); j++) {
          if (next !== 0) next = (last + r.se() + 256) % 256;
          if (next !== 0) last = next;
        }
      }
    }
  }
  r.ue(); // log2_max_frame_num
  const orderType = r.ue();
  if (orderType === 0) {
    r.ue();
  } else if (orderType === 1) {
    r.bit();
    r.se();
    r.se();
    const cycle = Math.min(r.ue(), 255);
    for (let i = 0; i < cycle; i++) r.se();
  }
  r.ue(); // max_num_ref_frames
  r.bit();
  const widthMbs = r.ue() + 1;
  const heightUnits = r.ue() + 1;
  const frameMbsOnly = r.bit();
  if (!frameMbsOnly) r.bit();
  r.bit();
  let [left, right, top, bottom] = [0, 0, 0, 0];
  if (r.bit()) [left, right, top, bottom] = [r.ue(), r.ue(), r.ue(), r.ue()];
  const cropX = chroma === 1 || chroma === 2 ? 2 : 1;
  const cropY = (chroma === 1 ? 2 : 1) * (2 - frameMbsOnly);
  const width = widthMbs * 16 - (left + right) * cropX;
  const height = heightUnits * 16 * (2 - frameMbsOnly) - (top + bottom) * cropY;
  if (width < 1 || height < 1 || width > 16384 || height > 16384) {
    throw new RangeError(`picture size ${width} x ${height} is out of range`);
  }
  return { width, height };
}
