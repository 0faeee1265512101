/** Whether a picture is as the unit took it (docs/reference/web-api/watermark.md). */
import { call } from '../http';

export type Verdict =
  | { result: 'normal'; serial: string; taken_at: string }
  | { result: 'error'; fault: 'not_jpeg' | 'no_watermark' | 'foreign' | 'changed'; reason: string };

export const watermark = {
  key: () => call<{ key: string }>('GET', '/watermark'),
  check: (picture: File) => call<Verdict>('POST', '/watermark/check', picture, { timeoutMs: 60_000 }),
};
