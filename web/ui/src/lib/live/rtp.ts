/** RTP and RTCP headers, timestamp unwrapping and loss detection (RFC 3550). */
import { u16, u32 } from './bytes';

export interface RtpPacket {
  marker: boolean;
  payloadType: number;
  sequence: number;
  timestamp: number;
  ssrc: number;
  payload: Uint8Array;
}

/** Returns null for anything that is not a well-formed RTP packet. */
export function parseRtp(data: Uint8Array): RtpPacket | null {
  if (data.length < 12 || data[0] >> 6 !== 2) return null;
  let offset = 12 + (data[0] & 0x0f) * 4;
  if (data[0] & 0x10) {
    if (data.length < offset + 4) return null;
    offset += 4 + u16(data, offset + 2) * 4;
  }
  let end = data.length;
  if (data[0] & 0x20) end -= data[data.length - 1];
  if (offset > end) return null;
  return {
    marker: (data[1] & 0x80) !== 0,
    payloadType: data[1] & 0x7f,
    sequence: u16(data, 2),
    timestamp: u32(data, 4),
    ssrc: u32(data, 8),
    payload: data.subarray(offset, end),
  };
}

export interface SenderReport {
  ssrc: number;
  /** Milliseconds since 1970-01-01 UTC. */
  utcMs: number;
  /** 32-bit RTP timestamp of that instant. */
  timestamp: number;
}

const NTP_TO_UNIX_S = 2208988800;

/** Finds the sender report in a compound RTCP packet. */
export function parseSenderReport(data: Uint8Array): SenderReport | null {
  let at = 0;
  while (at + 4 <= data.length) {
    const length = (u16(data, at + 2) + 1) * 4;
    if (data[at] >> 6 !== 2 || at + length > data.length) return null;
    if (data[at + 1] === 200 && length >= 28) {
      const seconds = u32(data, at + 8) - NTP_TO_UNIX_S;
      const fraction = u32(data, at + 12) / 2 ** 32;
      return { ssrc: u32(data, at + 4), utcMs: (seconds + fraction) * 1000, timestamp: u32(data, at + 16) };
    }
    at += length;
  }
  return null;
}

/** Continues 32-bit timestamps over their wrap (every 13 hours at 90 kHz). */
export class Unwrapper {
  private last: number | null = null;

  unwrap(timestamp: number): number {
    if (this.last === null) {
      this.last = timestamp;
      return timestamp;
    }
    const previous32 = ((this.last % 2 ** 32) + 2 ** 32) % 2 ** 32;
    let delta = timestamp - previous32;
    if (delta > 2 ** 31) delta -= 2 ** 32;
    else if (delta < -(2 ** 31)) delta += 2 ** 32;
    this.last += delta;
    return this.last;
  }
}

/** Counts missing packets by sequence number; `true` means a gap before this packet. */
export class LossDetector {
  lost = 0;
  private expected: number | null = null;

  gap(sequence: number): boolean {
    const expected = this.expected;
    this.expected = (sequence + 1) & 0xffff;
    if (expected === null || expected === sequence) return false;
    const missing = (sequence - expected) & 0xffff;
    this.lost += missing < 0x8000 ? missing : 1;
    return true;
  }
}
