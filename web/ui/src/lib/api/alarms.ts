/** Inputs, outputs and their test (docs/reference/web-api/alarms.md). */
import { call, query } from '../http';

export interface Line {
  name: string;
  active: boolean;
}

export interface Alarm {
  id: number;
  kind: 'input';
  channel: number;
  at: string;
  name: string;
  outputs: number[];
  mail: { state: 'none' | 'due' | 'sent' | 'failed'; reason?: string };
  has_picture: boolean;
}

export const alarms = {
  lines: () => call<{ inputs: Line[]; outputs: Line[] }>('GET', '/io'),
  test: (outputs: number[]) => call<void>('POST', '/io/outputs/test', { outputs }),
  list: (limit: number, before_id: number | null) =>
    call<{ items: Alarm[]; next_before_id: number | null; total: number }>('GET', `/alarms?${query({ limit, before_id })}`),
};

export const alarmPicture = (id: number): string => `/api/v1/alarms/${id}/picture.jpg`;
