/** Areas of the picture that settings name, for the overlay (COMM-1). */
import type { MessageKey } from '../i18n/index.svelte';

export type RuleKind = 'capture' | 'shield' | 'motion' | 'mask';

export interface Rule {
  kind: RuleKind;
  /** As the user named it; empty where there is only one. */
  name: string;
  /** Corners in picture fractions: x from the left, y from the top. */
  corners: { x: number; y: number }[];
}

type Values = Record<string, unknown>;
/** Where settings keep areas: x from -1 (left) to 1, y from -1 (bottom) to 1. */
const SOURCES: { section: string; kind: RuleKind; areas(value: Values): unknown[] }[] = [
  { section: 'lpr.areas', kind: 'capture', areas: ({ capture_area }) => [{ polygon: capture_area }] },
  { section: 'lpr.areas', kind: 'shield', areas: ({ shield_areas }) => list(shield_areas) },
  { section: 'event.motion_regions', kind: 'motion', areas: ({ regions }) => list(regions) },
  { section: 'video.masks', kind: 'mask', areas: ({ masks }) => list(masks) },
];

/** Sections that hold areas; a unit may lack some. */
export const RULE_SECTIONS: readonly string[] = [...new Set(SOURCES.map(({ section }) => section))];

/** Text key of each kind's name. */
export const RULE_NAMES: Record<RuleKind, MessageKey> = {
  capture: 'live.rule.capture',
  shield: 'live.rule.shield',
  motion: 'live.rule.motion',
  mask: 'live.rule.mask',
};

/** The areas of a section that count now: those that are switched off, and what is no area, are left out. */
export function rulesOf(section: string, value: Values): Rule[] {
  return SOURCES.filter((source) => source.section === section).flatMap(({ kind, areas }) =>
    areas(value).flatMap((area): Rule[] => {
      if (typeof area !== 'object' || area === null) return [];
      const { polygon, enabled, name, token } = area as Values;
      const corners = list(polygon).filter(isPoint).map(({ x, y }) => ({ x: (x + 1) / 2, y: (1 - y) / 2 }));
      if (enabled === false || corners.length < 3) return [];
      return [{ kind, name: String(name ?? token ?? ''), corners }];
    }),
  );
}

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

function isPoint(value: unknown): value is { x: number; y: number } {
  const { x, y } = (value ?? {}) as Values;
  return typeof x === 'number' && typeof y === 'number';
}
