/** Upload of pictures (docs/reference/web-api/upload.md). */
import { call } from '../http';

export interface UploadStatus {
  state: 'off' | 'idle' | 'uploading' | 'retrying';
  waiting: number;
  uploaded: number;
  skipped: number;
  lost: number;
  last_name: string | null;
  last_at: string | null;
  last_error: string | null;
  last_error_at: string | null;
  host_key: string | null;
  offered_key: string | null;
}

export const upload = {
  status: () => call<UploadStatus>('GET', '/upload'),
  test: () => call<{ sent: boolean; millis?: number; error?: string }>('POST', '/upload/test', {}),
  forgetKeys: () => call<UploadStatus>('POST', '/upload/forget-keys', {}),
  acceptKey: (key: string) => call<UploadStatus>('POST', '/upload/accept-key', { key }),
  preview: (rule: string) => call<{ name: string; tokens: string[] }>('POST', '/upload/preview', { rule }),
};
