/** Inputs, outputs and their test (docs/reference/web-api/alarms.md). */
import { call, query } from '../http';
import { t } from '../i18n/index.svelte';

export interface Line {
  name: string;
  active: boolean;
}

export interface Alarm {
  id: number;
  kind: 'input' | 'backing';
  channel: number;
  at: string;
  name: string;
  outputs: number[];
  mail: { state: 'none' | 'due' | 'sent' | 'failed'; reason?: string };
  has_picture: boolean;
}

export interface AlarmPage {
  items: Alarm[];
  next_before_id: number | null;
  total: number;
}

export const alarms = {
  lines: () => call<{ inputs: Line[]; outputs: Line[] }>('GET', '/io'),
  test: (outputs: number[]) => call<void>('POST', '/io/outputs/test', { outputs }),
  list: (limit: number, before_id: number | null, span: { from?: string; to?: string } = {}) =>
    call<AlarmPage>('GET', `/alarms?${query({ ...span, limit, before_id })}`),
};

export const alarmText = (alarm: Alarm): string => (alarm.kind === 'input' ? t('alarm.input', { n: alarm.channel }) : t('alarm.backing')) + (alarm.name ? ` (${alarm.name})` : '');
export const alarmExport = (span: { from?: string; to?: string }): string => `/api/v1/alarms/export.csv?${query(span)}`;
export const alarmPicture = (id: number): string => `/api/v1/alarms/${id}/picture.jpg`;
