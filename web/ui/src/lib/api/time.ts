/** Clock of the unit (docs/reference/web-api/time.md). */
import { call } from '../http';
import type { DateFormat, TimeFormat } from '../unit-time';

export interface DstMoment {
  month: number;
  week: string;
  weekday: string;
  hour: number;
}

export interface TimeState {
  utc: string;
  local: string;
  local_text: string;
  zone: string;
  posix: string;
  utc_offset_minutes: number;
  dst_active: boolean;
  next_change: string | null;
  date_format: DateFormat;
  time_format: TimeFormat;
  settable: boolean;
  unsettable_reason: string | null;
  ntp: {
    enabled: boolean;
    running: boolean;
    synchronised: boolean;
    source: string | null;
    stratum: number | null;
    last_sync: string | null;
    offset_ms: number | null;
    error: string | null;
  };
}

export interface TimeZoneInfo {
  name: string;
  posix: string;
  offset_minutes: number;
  label: string;
  dst_start: DstMoment | null;
  dst_end: DstMoment | null;
}

export const time = {
  state: () => call<TimeState>('GET', '/time'),
  zones: () => call<TimeZoneInfo[]>('GET', '/time/zones'),
  syncPc: () => call<{ before: string; after: string }>('POST', '/time', { utc: new Date().toISOString(), source: 'pc' }),
  setLocal: (local: string) => call<{ before: string; after: string }>('POST', '/time', { local }),
};
