/** Maintenance, upgrade, commissioning, debug information, licences (docs/reference/web-api/{maintenance,upgrade,commission,debug,monitoring}.md). */
import type { PlateRecord } from '../api';
import { call } from '../http';

export interface Maintenance {
  reach: 'machine' | 'process' | 'simulated';
  started_at: string;
  uptime_s: number;
  last_restart: { kind: 'wanted' | 'stopped' | 'lost'; reason: string; by: string | null; at: string } | null;
  next_restart: string | null;
}

export interface Going {
  expected_down_s: number;
}

export interface Upgrade {
  current: string;
  model: string;
  supported: boolean;
  unsupported_reason: string | null;
  phase: 'idle' | 'receiving' | 'verifying' | 'installed';
  received: number;
  total: number;
  error: string | null;
  slots: { name: string; version: string; built_at: string; active: boolean }[];
  trial: { version: string; until: string } | null;
  last: { version: string; outcome: 'confirmed' | 'returned'; reason: string | null; at: string } | null;
  available: { version: string; built_at: string; size: number; notes: string } | null;
  checked_at: string | null;
}

export interface Finding {
  id: string;
  severity: 'error' | 'warning' | 'notice';
  text: string;
  page: string;
}

interface Part {
  available: boolean;
  reason: string | null;
}

export const upkeep = {
  state: () => call<Maintenance>('GET', '/maintenance'),
  reboot: () => call<Going>('POST', '/maintenance/reboot', { confirm: true }),
  upgrade: () => call<Upgrade>('GET', '/upgrade'),
  check: () => call<{ current: string; available: Upgrade['available']; checked_at: string }>('POST', '/upgrade/check', {}, { timeoutMs: 60_000 }),
  online: () => call<{ version: string }>('POST', '/upgrade/online', {}, { timeoutMs: 60_000 }),
  legal: () =>
    call<{ texts: { id: string; title: string; text: string }[]; packages: { name: string; version: string; license: string; kind: string }[] }>('GET', '/legal'),
  debugParts: () => call<{ id: string; title: string }[]>('GET', '/debug/parts'),
  commission: () => call<{ voice: Part; barrier: Part }>('GET', '/commission'),
  testCapture: (plate: string) => call<PlateRecord>('POST', '/commission/test-capture', { plate }),
  voice: (text: string) => call<void>('POST', '/commission/voice', { text }, { timeoutMs: 60_000 }),
  barrier: (action: 'open' | 'close') => call<void>('POST', '/commission/barrier', { action }),
  checkConfig: () => call<{ checked_at: string; findings: Finding[] }>('GET', '/commission/check'),
};
