import jsQR from 'jsqr';
import { describe, expect, it } from 'vitest';
import { qr } from './qr';

/** As a scanner sees it: four modules of margin, four pixels a module. */
function scan(modules: boolean[][]): string | undefined {
  const [scale, margin] = [4, 4];
  const side = (modules.length + 2 * margin) * scale;
  const pixels = new Uint8ClampedArray(side * side * 4).fill(255);
  modules.forEach((row, y) => row.forEach((dark, x) => {
    if (!dark) return;
    for (let dy = 0; dy < scale; dy++) for (let dx = 0; dx < scale; dx++) pixels.fill(0, (((y + margin) * scale + dy) * side + (x + margin) * scale + dx) * 4, (((y + margin) * scale + dy) * side + (x + margin) * scale + dx) * 4 + 3);
  }));
  return jsQR(pixels, side, side)?.data;
}

describe('qr', () => {
  it.each([1, 14, 15, 26, 42, 62, 84, 106, 122, 152, 180, 213, 287, 400, 700])('%i characters are read again by another decoder (AUTH-11, UI-2)', (length) => {
    const text = Array.from({ length }, (_, i) => 'https://Plate.cam/?0123456789+/='.charAt((i * 7 + length) % 32)).join('');
    const modules = qr(text);
    expect(modules && scan(modules)).toBe(text);
  });

  it('refuses what does not fit', () => {
    expect(qr('x'.repeat(2331))).not.toBeNull();
    expect(qr('x'.repeat(2332))).toBeNull();
  });
});
