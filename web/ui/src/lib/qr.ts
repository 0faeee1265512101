/** QR codes (ISO/IEC 18004): bytes, error correction level M, the mask with the least penalty. */

const ECC_PER_BLOCK = [
  10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26, 26, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  28, 28, 28,
];
const BLOCKS = [
  1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16, 17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49,
];

/** Rows of dark (true) and light modules; `null` when the text is too long (2,331 bytes). */
export function qr(text: string): boolean[][] | null {
  const bytes = new TextEncoder().encode(text);
  for (let version = 1; version <= 40; version++) {
    const capacity = dataCodewords(version);
    const lengthBits = version < 10 ? 8 : 16;
    if (4 + lengthBits + bytes.length * 8 <= capacity * 8) return build(version, interleave(version, pack(bytes, lengthBits, capacity)));
  }
  return null;
}

/** All codewords that fit beside the function patterns. */
function rawModules(version: number): number {
  let n = (16 * version + 128) * version + 64;
  if (version >= 2) {
    const align = Math.floor(version / 7) + 2;
    n -= (25 * align - 10) * align - 55;
    if (version >= 7) n -= 36;
  }
  return n;
}

const dataCodewords = (version: number) => Math.floor(rawModules(version) / 8) - ECC_PER_BLOCK[version - 1] * BLOCKS[version - 1];

function pack(bytes: Uint8Array, lengthBits: number, capacity: number): Uint8Array {
  const out = new Uint8Array(capacity);
  let at = 0;
  const put = (value: number, bits: number) => {
    for (let i = bits - 1; i >= 0; i--, at++) if ((value >> i) & 1) out[at >> 3] |= 0x80 >> (at & 7);
  };
  put(4, 4);
  put(bytes.length, lengthBits);
  for (const byte of bytes) put(byte, 8);
  const used = Math.min(capacity, Math.ceil((at + 4) / 8));
  for (let i = used; i < capacity; i++) out[i] = (i - used) % 2 ? 0x11 : 0xec;
  return out;
}

function multiply(a: number, b: number): number {
  let z = 0;
  for (let i = 7; i >= 0; i--) {
    z = (z << 1) ^ ((z >> 7) * 0x11d);
    z ^= ((b >> i) & 1) * a;
  }
  return z;
}

function divisor(degree: number): Uint8Array {
  const result = new Uint8Array(degree);
  result[degree - 1] = 1;
  let root = 1;
  for (let i = 0; i < degree; i++) {
    for (let j = 0; j < degree; j++) {
      result[j] = multiply(result[j], root);
      if (j + 1 < degree) result[j] ^= result[j + 1];
    }
    root = multiply(root, 2);
  }
  return result;
}

function remainder(data: Uint8Array, by: Uint8Array): Uint8Array {
  const result = new Uint8Array(by.length);
  for (const byte of data) {
    const factor = byte ^ result[0];
    result.copyWithin(0, 1);
    result[result.length - 1] = 0;
    for (let i = 0; i < by.length; i++) result[i] ^= multiply(by[i], factor);
  }
  return result;
}

function interleave(version: number, data: Uint8Array): number[] {
  const [blocks, ecc] = [BLOCKS[version - 1], ECC_PER_BLOCK[version - 1]];
  const raw = Math.floor(rawModules(version) / 8);
  const short = Math.floor(raw / blocks) - ecc;
  const shorts = blocks - (raw % blocks);
  const by = divisor(ecc);
  const parts: { data: Uint8Array; ecc: Uint8Array }[] = [];
  for (let i = 0, at = 0; i < blocks; i++) {
    const size = short + (i < shorts ? 0 : 1);
    const part = data.slice(at, at + size);
    at += size;
    parts.push({ data: part, ecc: remainder(part, by) });
  }
  const out: number[] = [];
  for (let i = 0; i <= short; i++) for (const part of parts) if (i < part.data.length) out.push(part.data[i]);
  for (let i = 0; i < ecc; i++) for (const part of parts) out.push(part.ecc[i]);
  return out;
}

function alignments(version: number, size: number): number[] {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const step = Math.floor((version * 8 + count * 3 + 5) / (count * 4 - 4)) * 2;
  const out = [6];
  for (let at = size - 7; out.length < count; at -= step) out.splice(1, 0, at);
  return out;
}

const MASKS: ((x: number, y: number) => boolean)[] = [
  (x, y) => (x + y) % 2 === 0,
  (_, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

function build(version: number, codewords: number[]): boolean[][] {
  const size = version * 4 + 17;
  const grid = Array.from({ length: size }, () => new Array<boolean>(size).fill(false));
  const fixed = grid.map((row) => row.map(() => false));
  const set = (x: number, y: number, dark: boolean) => {
    if (x < 0 || y < 0 || x >= size || y >= size) return;
    grid[y][x] = dark;
    fixed[y][x] = true;
  };
  const square = (cx: number, cy: number, radius: number, dark: (ring: number) => boolean) => {
    for (let dy = -radius; dy <= radius; dy++) for (let dx = -radius; dx <= radius; dx++) set(cx + dx, cy + dy, dark(Math.max(Math.abs(dx), Math.abs(dy))));
  };
  for (let i = 0; i < size; i++) {
    set(6, i, i % 2 === 0);
    set(i, 6, i % 2 === 0);
  }
  for (const [x, y] of [[3, 3], [size - 4, 3], [3, size - 4]]) square(x, y, 4, (ring) => ring !== 2 && ring !== 4);
  const centres = alignments(version, size);
  const last = centres.length - 1;
  centres.forEach((x, i) => centres.forEach((y, j) => {
    if (!((i === 0 && j === 0) || (i === 0 && j === last) || (i === last && j === 0))) square(x, y, 2, (ring) => ring !== 1);
  }));
  if (version >= 7) {
    const bits = (version << 12) | bch(version, 12, 0x1f25);
    for (let i = 0; i < 18; i++) {
      const [a, b] = [size - 11 + (i % 3), Math.floor(i / 3)];
      set(a, b, ((bits >> i) & 1) === 1);
      set(b, a, ((bits >> i) & 1) === 1);
    }
  }
  format(set, size, 0); // reserves the place
  place(grid, fixed, size, codewords);
  let best: { grid: boolean[][]; penalty: number } | null = null;
  MASKS.forEach((mask, index) => {
    const tried = grid.map((row, y) => row.map((dark, x) => (fixed[y][x] ? dark : dark !== mask(x, y))));
    format((x, y, dark) => (tried[y][x] = dark), size, index);
    const found = penalty(tried);
    if (!best || found < best.penalty) best = { grid: tried, penalty: found };
  });
  return (best as unknown as { grid: boolean[][] }).grid;
}

function bch(value: number, bits: number, polynomial: number): number {
  let rest = value;
  for (let i = 0; i < bits; i++) rest = (rest << 1) ^ ((rest >> (bits - 1)) * polynomial);
  return rest;
}

function format(set: (x: number, y: number, dark: boolean) => void, size: number, mask: number): void {
  // Level M is 0 in the standard's coding.
  const bits = ((mask << 10) | bch(mask, 10, 0x537)) ^ 0x5412;
  const bit = (i: number) => ((bits >> i) & 1) === 1;
  for (let i = 0; i <= 5; i++) set(8, i, bit(i));
  set(8, 7, bit(6));
  set(8, 8, bit(7));
  set(7, 8, bit(8));
  for (let i = 9; i < 15; i++) set(14 - i, 8, bit(i));
  for (let i = 0; i < 8; i++) set(size - 1 - i, 8, bit(i));
  for (let i = 8; i < 15; i++) set(8, size - 15 + i, bit(i));
  set(8, size - 8, true);
}

function place(grid: boolean[][], fixed: boolean[][], size: number, codewords: number[]): void {
  let at = 0;
  for (let right = size - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5;
    for (let step = 0; step < size; step++) {
      const y = ((right + 1) & 2) === 0 ? size - 1 - step : step;
      for (const x of [right, right - 1]) {
        if (fixed[y][x] || at >= codewords.length * 8) continue;
        grid[y][x] = ((codewords[at >> 3] >> (7 - (at & 7))) & 1) === 1;
        at++;
      }
    }
  }
}

/** The standard's four penalties, in the short form that orders masks the same way well enough for scanners. */
function penalty(grid: boolean[][]): number {
  const size = grid.length;
  let total = 0;
  let dark = 0;
  for (let y = 0; y < size; y++) {
    for (const line of [grid[y], grid.map((row) => row[y])]) {
      for (let i = 0, run = 0; i < size; i++) {
        run = i > 0 && line[i] === line[i - 1] ? run + 1 : 1;
        if (run === 5) total += 3;
        else if (run > 5) total++;
      }
      const text = line.map((module) => (module ? '1' : '0')).join('');
      for (const finder of ['10111010000', '00001011101']) for (let i = text.indexOf(finder); i >= 0; i = text.indexOf(finder, i + 1)) total += 40;
    }
    for (let x = 0; x < size; x++) {
      if (grid[y][x]) dark++;
      if (x > 0 && y > 0 && grid[y][x] === grid[y][x - 1] && grid[y][x] === grid[y - 1][x] && grid[y][x] === grid[y - 1][x - 1]) total += 3;
    }
  }
  return total + Math.floor(Math.abs((dark * 20) / (size * size) - 10)) * 10;
}
