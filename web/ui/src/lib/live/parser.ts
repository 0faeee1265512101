/** Splits the RTSP-over-WebSocket byte stream into messages and interleaved packets (RFC 2326 §10.12). */
import { concat, u16 } from './bytes';

export interface RtspMessage {
  kind: 'message';
  /** Status of a response; 0 for a request from the server. */
  status: number;
  reason: string;
  headers: Map<string, string>;
  body: Uint8Array;
}

export interface Interleaved {
  kind: 'packet';
  channel: number;
  data: Uint8Array;
}

const MAX_HEADER = 16 * 1024;
const MAX_BODY = 256 * 1024;
const EMPTY = new Uint8Array(0);

export class RtspParser {
  private buffer: Uint8Array = EMPTY;

  /** Takes the next bytes of the stream and returns what became complete. Throws when the stream is not RTSP. */
  push(chunk: Uint8Array): (RtspMessage | Interleaved)[] {
    const data = this.buffer.length === 0 ? chunk : concat([this.buffer, chunk]);
    const out: (RtspMessage | Interleaved)[] = [];
    let at = 0;
    while (at < data.length) {
      if (data[at] === 0x24) {
        if (data.length - at < 4) break;
        const length = u16(data, at + 2);
        if (data.length - at < 4 + length) break;
        out.push({ kind: 'packet', channel: data[at + 1], data: data.subarray(at + 4, at + 4 + length) });
        at += 4 + length;
        continue;
      }
      if (data[at] === 0x0d || data[at] === 0x0a) {
        at++; // blank lines between messages are allowed
        continue;
      }
      const end = headerEnd(data, at);
      if (end < 0) {
        if (data.length - at > MAX_HEADER) throw new Error(`RTSP header longer than ${MAX_HEADER} bytes`);
        break;
      }
      const message = parseHeader(data.subarray(at, end));
      const length = Number(message.headers.get('content-length') ?? '0');
      if (!Number.isInteger(length) || length < 0 || length > MAX_BODY) {
        throw new Error(`RTSP Content-Length ${length} is not between 0 and ${MAX_BODY}`);
      }
      if (data.length - end < length) break;
      message.body = data.slice(end, end + length);
      out.push(message);
      at = end + length;
    }
    this.buffer = at >= data.length ? EMPTY : data.slice(at);
    return out;
  }
}

function headerEnd(data: Uint8Array, from: number): number {
  for (let i = from; i + 3 < data.length; i++) {
    if (data[i] === 13 && data[i + 1] === 10 && data[i + 2] === 13 && data[i + 3] === 10) return i + 4;
  }
  return -1;
}

function parseHeader(bytes: Uint8Array): RtspMessage {
  const lines = new TextDecoder().decode(bytes).split('\r\n');
  const headers = new Map<string, string>();
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  const start = /^RTSP\/1\.\d (\d{3}) ?(.*)$/.exec(lines[0]);
  if (start) {
    return { kind: 'message', status: Number(start[1]), reason: start[2], headers, body: EMPTY };
  }
  if (/^[A-Z_]+ \S+ RTSP\/1\.\d$/.test(lines[0])) {
    return { kind: 'message', status: 0, reason: lines[0], headers, body: EMPTY };
  }
  throw new Error(`not an RTSP message: ${lines[0].slice(0, 60)}`);
}
