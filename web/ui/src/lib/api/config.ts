/** The configuration as a whole and the history of a section (docs/reference/web-api/config.md). */
import { call } from '../http';

export interface Change {
  pointer: string;
  from: unknown;
  to: unknown;
}

export interface Imported {
  source: { product: string; model: string; firmware: string; serial: string; created: string };
  sections: { key: string; title: string; changes: Change[] }[];
  dry_run: boolean;
}

export interface HistoryItem {
  revision: number;
  changed_by: string;
  changed_at: string;
  changes: Change[];
}

export const config = {
  import: (dryRun: boolean, file: unknown, password: string) =>
    call<Imported>('POST', `/config/import?dry_run=${dryRun}`, { file, ...(password ? { password } : {}) }, { timeoutMs: 60_000 }),
  restore: () => call<{ sections: string[] }>('POST', '/config/restore', { confirm: true }, { timeoutMs: 60_000 }),
  reset: (records: boolean) => call<{ expected_down_s: number }>('POST', '/config/reset', { confirm: 'RESET', records }),
  history: (key: string) => call<{ items: HistoryItem[] }>('GET', `/settings/${encodeURIComponent(key)}/history?limit=50`),
};
