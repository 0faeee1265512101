import { describe, expect, it } from 'vitest';
import { drawOverlay, type OverlayStyle } from './overlay';
import { RULE_SECTIONS, rulesOf } from './rules';

const polygon = [
  { x: -1, y: 1 },
  { x: 1, y: 1 },
  { x: 0, y: -1 },
];
const corners = [
  { x: 0, y: 0 },
  { x: 1, y: 0 },
  { x: 0.5, y: 1 },
];

describe('rules over the picture (COMM-1)', () => {
  it('are the areas of the settings in picture fractions', () => {
    expect(rulesOf('lpr.areas', { capture_area: polygon, shield_areas: [{ name: 'Sign', polygon }] })).toEqual([
      { kind: 'capture', name: '', corners },
      { kind: 'shield', name: 'Sign', corners },
    ]);
    expect(rulesOf('event.motion_regions', { regions: [{ name: 'Road', enabled: true, sensitivity: 50, polygon }] })).toEqual([
      { kind: 'motion', name: 'Road', corners },
    ]);
    expect(rulesOf('video.masks', { masks: [{ token: 'Window', enabled: true, color: 'black', polygon }] })).toEqual([
      { kind: 'mask', name: 'Window', corners },
    ]);
    for (const section of RULE_SECTIONS) expect(rulesOf(section, {})).toEqual([]);
  });

  it('leave out what is off and what is no area', () => {
    const masks = [
      { token: 'off', enabled: false, polygon },
      { token: 'line', enabled: true, polygon: polygon.slice(1) },
      { token: 'none', enabled: true },
      { token: 'odd', enabled: true, polygon: [null, { x: 'a', y: 0 }, ...polygon.slice(1)] },
      null,
    ];
    expect(rulesOf('video.masks', { masks })).toEqual([]);
    expect(rulesOf('video.main', { masks })).toEqual([]);
  });

  it('are closed outlines where the picture lies, with their names', () => {
    const said: string[] = [];
    const context = new Proxy({} as Record<string, unknown>, {
      get: (held, name) => held[String(name)] ?? ((...values: unknown[]) => (said.push([name, ...values].join(' ')), { width: 10 })),
      set: (held, name, value) => ((held[String(name)] = value), true),
    });
    const canvas = { clientWidth: 200, clientHeight: 100, width: 200, height: 100, getContext: () => context } as unknown as HTMLCanvasElement;
    const style = { rules: { mask: 'red' }, font: '10px x' } as unknown as OverlayStyle;
    const rules = rulesOf('video.masks', { masks: [{ token: 'Window', enabled: true, polygon }] });
    drawOverlay(canvas, { objects: [], trails: [], rules: rules.map((rule) => ({ ...rule, label: rule.name })) }, { x: 50, y: 0, w: 100, h: 100 }, style);
    expect(said.filter((word) => /^(lineTo|closePath|fillText)/.test(word))).toEqual(['lineTo 50 0', 'lineTo 150 0', 'lineTo 100 100', 'closePath', expect.stringMatching(/^fillText Window /)]);
  });
});
