/** System log, audit trail, remote log (docs/reference/web-api/log.md). */
import { call, query } from '../http';

export const LOG_KINDS = [
  'login', 'logout', 'save-config', 'system', 'configuration', 'storage', 'alarm', 'account', 'record', 'upgrade', 'clear',
] as const;
export type LogKind = (typeof LOG_KINDS)[number];

export interface LogEntry {
  id: number;
  at: string;
  kind: LogKind;
  severity: 'error' | 'warning' | 'notice' | 'info';
  user: string | null;
  address: string | null;
  origin: string;
  text: string;
  details: Record<string, string>;
}

export interface LogPage {
  items: LogEntry[];
  next_before_id: number | null;
  total: number;
}

export interface LogQuery {
  from?: string;
  to?: string;
  kind?: string;
  user?: string;
  limit?: number;
  before_id?: number;
}

export interface RemoteLogState {
  enabled: boolean;
  connected: boolean;
  target: string;
  queued: number;
  sent: number;
  dropped: number;
  last_sent: string | null;
  last_error: string | null;
  last_error_at: string | null;
}

export const log = {
  search: (search: LogQuery) => call<LogPage>('GET', `/log?${query({ ...search })}`),
  clear: () => call<{ removed: number }>('POST', '/log/clear', {}),
  remote: () => call<RemoteLogState>('GET', '/log/remote'),
  test: () => call<{ sent: boolean; millis?: number; error?: string }>('POST', '/log/remote/test', {}),
  verify: () => call<{ ok: boolean; entries: number; head: string; problem: string | null }>('GET', '/audit/verify'),
};

export const logTextUrl = (search: LogQuery): string => `/api/v1/log/export.txt?${query({ ...search })}`;
export const auditUrl = (search: LogQuery): string => `/api/v1/audit/export.jsonl?${query({ ...search })}`;
