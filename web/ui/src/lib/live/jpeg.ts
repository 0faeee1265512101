/** Motion JPEG over RTP: rebuilds JFIF files from fragments (RFC 2435). */
import { concat, u16, u24 } from './bytes';
import { type AccessUnit, type Depacketiser, MAX_ACCESS_UNIT } from './codec';

export class JpegDepacketiser implements Depacketiser {
  private parts: Uint8Array[] = [];
  private received = 0;
  private header: Uint8Array | null = null;
  private tables = new Map<number, Uint8Array>();
  private width = 0;
  private height = 0;
  private lastSize = '';

  push(payload: Uint8Array, rtp: number, marker: boolean, gap: boolean): AccessUnit | null {
    if (gap) this.reset();
    if (payload.length < 8) return null;
    const offset = u24(payload, 1);
    const type = payload[4];
    const q = payload[5];
    let at = 8;
    let interval = 0;
    if (type & 0x40) {
      if (payload.length < at + 4) return null;
      interval = u16(payload, at);
      at += 4;
    }
    if (offset === 0) {
      this.reset();
      this.width = payload[6] * 8;
      this.height = payload[7] * 8;
      let tables: Uint8Array | null;
      if (q >= 128) {
        if (payload.length < at + 4) return null;
        const precision = payload[at + 1];
        const length = u16(payload, at + 2);
        at += 4;
        if (payload.length < at + length) return null;
        if (length > 0) {
          if (precision !== 0 || length < 128) return null; // 8-bit tables only
          tables = payload.slice(at, at + 128);
          if (q !== 255) this.tables.set(q, tables);
        } else {
          tables = this.tables.get(q) ?? null;
        }
        at += length;
      } else {
        tables = q >= 1 && q <= 99 ? scaledTables(q) : null;
      }
      if (!tables || this.width === 0 || this.height === 0 || (type & 0x3f) > 1) return null;
      this.header = jfifHeader(type & 1, this.width, this.height, tables, interval);
    } else if (offset !== this.received || !this.header) {
      this.reset();
      return null;
    }
    const data = payload.subarray(at);
    this.received = offset + data.length;
    if (this.received > MAX_ACCESS_UNIT) {
      this.reset();
      return null;
    }
    this.parts.push(data);
    if (!marker || !this.header) return null;
    const tail = endsWithEoi(data) ? [] : [new Uint8Array([0xff, 0xd9])];
    const file = concat([this.header, ...this.parts, ...tail]);
    this.reset();
    const size = `${this.width}x${this.height}`;
    const config =
      size === this.lastSize
        ? null
        : {
            codec: 'jpeg' as const,
            codecString: 'jpeg',
            description: new Uint8Array(0),
            width: this.width,
            height: this.height,
          };
    this.lastSize = size;
    return { rtp, key: true, data: file, config };
  }

  private reset(): void {
    this.parts = [];
    this.received = 0;
    this.header = null;
  }
}

function endsWithEoi(data: Uint8Array): boolean {
  return data.length >= 2 && data[data.length - 2] === 0xff && data[data.length - 1] === 0xd9;
}

// ITU-T T.81 annex K.1 tables in zigzag order, as RFC 2435 appendix A has them.
const LUMA = [
  16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61,
  60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77, 113, 121,
  112, 100, 120, 92, 101, 103, 99,
];
const CHROMA = [
  17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
  99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
  99, 99, 99, 99, 99, 99,
];

function scaledTables(q: number): Uint8Array {
  const scale = q < 50 ? Math.floor(5000 / q) : 200 - q * 2;
  const one = (v: number) => Math.min(255, Math.max(1, Math.floor((v * scale + 50) / 100)));
  return new Uint8Array([...LUMA.map(one), ...CHROMA.map(one)]);
}

// ITU-T T.81 annex K.3 Huffman tables: counts per length, then symbols.
const DC_LUMA = [[0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]];
const DC_CHROMA = [[0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]];
const AC_LUMA = [
  [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d],
  hexBytes(
    '01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a' +
      '434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8' +
      'a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa',
  ),
];
const AC_CHROMA = [
  [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77],
  hexBytes(
    '0001020311040521310612415107617113223281081442 91a1b1c109233352f0156272d10a162434e125f11718191a262728292a353637' +
      '38393a434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3' +
      'a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa',
  ),
];

function hexBytes(text: string): number[] {
  return (text.match(/[0-9a-f]{2}/g) ?? []).map((pair) => Number.parseInt(pair, 16));
}

function jfifHeader(type: number, width: number, height: number, tables: Uint8Array, interval: number): Uint8Array {
  const out: number[] = [0xff, 0xd8];
  for (const id of [0, 1]) out.push(0xff, 0xdb, 0, 67, id, ...tables.subarray(id * 64, id * 64 + 64));
  if (interval > 0) out.push(0xff, 0xdd, 0, 4, interval >> 8, interval & 0xff);
  out.push(0xff, 0xc0, 0, 17, 8, height >> 8, height & 0xff, width >> 8, width & 0xff, 3);
  out.push(1, type === 0 ? 0x21 : 0x22, 0, 2, 0x11, 1, 3, 0x11, 1);
  for (const [id, table] of [[0x00, DC_LUMA], [0x10, AC_LUMA], [0x01, DC_CHROMA], [0x11, AC_CHROMA]] as const) {
    const length = 19 + table[1].length;
    out.push(0xff, 0xc4, length >> 8, length & 0xff, id, ...table[0], ...table[1]);
  }
  out.push(0xff, 0xda, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0);
  return new Uint8Array(out);
}
