/** Typed client of `/api/v1` (docs/reference/web-api.md): device, session, settings, video, records. */
import { call, query } from './http';

export { ApiError } from './http';

export interface DeviceInfo {
  initialized: boolean;
  name: string;
  model: string;
  /** Language of the pages where a browser has chosen none (SYS-2). */
  language: string;
  /** The rest needs a login. */
  manufacturer?: string;
  serial?: string;
  version?: string;
  hardware?: string;
  mac?: string;
  build_date?: string;
  onvif_version?: string;
  time?: string;
  /** Functions that this model does not have, by the names of docs/reference/models.md (GEN-24). */
  lacks?: string[];
  /** What this model bounds. */
  limits?: Record<string, number>;
  /** Where the product's page or app is, a product setting (UI-2). */
  product_link?: string;
}

export interface SessionInfo {
  user: string;
  group?: string;
  level: 'administrator' | 'operator' | 'user' | 'extended';
  permissions: string[];
  csrf: string;
  password_expired?: boolean;
  password_expires_at?: string | null;
  totp?: boolean;
}

export interface ColorRead {
  color: string;
  likelihood: number;
}

export interface PlateRecord {
  id: number;
  kind: 'lpr' | 'manual' | 'test' | 'backing' | 'unlicensed';
  captured_at: string;
  plate_number: string;
  likelihood: number;
  direction: string;
  country_code: string | null;
  issuing_entity: string | null;
  /** Null is unknown. */
  colors: { plate: ColorRead | null; vehicle: ColorRead | null };
  vehicle_type: { type: string; likelihood: number } | null;
  plate_rect: { x: number; y: number; width: number; height: number } | null;
  frame: { width: number; height: number };
  has_picture: boolean;
  has_plate: boolean;
  /** When the second picture was taken; null without one (SNAPRULE-4). */
  second_at: string | null;
  /** Metres a second; null is not measured. */
  speed_mps: number | null;
}

export interface RecordPage {
  items: PlateRecord[];
  next_before_id: number | null;
  total: number;
}

export interface RecordQuery {
  from?: string;
  to?: string;
  plate?: string;
  kind?: string;
  direction?: string;
  limit?: number;
  before_id?: number;
}

export interface SectionSummary {
  key: string;
  title: string;
  page: string;
  revision: number;
  writable: boolean;
}

export interface SectionView {
  key: string;
  revision: number;
  value: Record<string, unknown>;
  defaults: Record<string, unknown>;
  changed_by: string;
  changed_at: string | null;
}

export interface StreamStatus {
  stream: 'main' | 'sub';
  codec: string;
  width: number;
  height: number;
  encoder: string;
  fps: number;
  kbps: number;
  enabled: boolean;
}

export type SourceState =
  | { state: 'connecting' }
  | { state: 'running'; width: number; height: number; fps: number }
  | { state: 'failed'; reason: string; retry_in_ms: number };

export interface DeviceStatus {
  time: string;
  source: string;
  source_state: SourceState;
  streams: StreamStatus[];
  capture_fps: number;
  analysed_fps: number;
  recognition_dropped: number;
  recognition_ms: number;
  /** Why recognition does not run; `null` while it does. */
  recognition_error: string | null;
}

export const recordQuery = (search: RecordQuery): string => query({ ...search });

export const api = {
  device: () => call<DeviceInfo>('GET', '/device'),
  initialise: (password: string, confirm: string, email: string) =>
    call<SessionInfo>('POST', '/init', { password, confirm, ...(email ? { email } : {}) }),
  session: () => call<SessionInfo>('GET', '/session'),
  login: (username: string, password: string, remember: boolean, code: string) =>
    call<SessionInfo>('POST', '/session', { username, password, ...(remember ? { remember } : {}), ...(code ? { code } : {}) }),
  logout: () => call<void>('DELETE', '/session'),
  sections: () => call<SectionSummary[]>('GET', '/settings'),
  section: (key: string) => call<SectionView>('GET', `/settings/${encodeURIComponent(key)}`),
  schema: (key: string) => call<object>('GET', `/schema/${encodeURIComponent(key)}`),
  patchSection: (key: string, revision: number, patch: object) =>
    call<{ revision: number; value: Record<string, unknown> }>('PATCH', `/settings/${encodeURIComponent(key)}`, patch, {
      headers: { 'If-Match': `"${revision}"`, 'Content-Type': 'application/merge-patch+json' },
    }),
  /** Acts on the picture for ten seconds; nothing is stored. */
  preview: (key: string, patch: object) => call<void>('PUT', `/settings/${key}/preview`, patch),
  endPreview: (key: string) => call<void>('DELETE', `/settings/${key}/preview`),
  status: () => call<DeviceStatus>('GET', '/status'),
  snapshot: () => call<PlateRecord>('POST', '/snapshots'),
  records: (search: RecordQuery) => call<RecordPage>('GET', `/records?${recordQuery(search)}`),
  record: (id: number) => call<PlateRecord>('GET', `/records/${id}`),
};

export const exportUrl = (search: RecordQuery): string => `/api/v1/records/export.csv?${recordQuery(search)}`;
export const pictureUrl = (id: number): string => `/api/v1/records/${id}/picture.jpg`;
export const secondUrl = (id: number): string => `/api/v1/records/${id}/second.jpg`;
export const plateUrl = (id: number): string => `/api/v1/records/${id}/plate.jpg`;
