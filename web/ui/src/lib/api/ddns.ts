/** Dynamic DNS (docs/reference/web-api/services.md). */
import { call } from '../http';

export interface DdnsStatus {
  state: 'off' | 'waiting' | 'current' | 'retrying' | 'stopped';
  server: string | null;
  address: string | null;
  updated_at: string | null;
  answer: string | null;
  answered_at: string | null;
  next_try: string | null;
  addresses: Record<string, string>;
}

export const ddns = { status: () => call<DdnsStatus>('GET', '/ddns') };
