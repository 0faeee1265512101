/** Typed client of `/api/v1` (docs/reference/web-api.md). */

export interface DeviceInfo {
  initialized: boolean;
  name: string;
  model: string;
  /** The rest needs a login. */
  manufacturer?: string;
  serial?: string;
  version?: string;
  time?: string;
}

export interface SessionInfo {
  user: string;
  level: 'administrator' | 'operator' | 'user';
  permissions: string[];
  csrf: string;
}

export interface PlateRecord {
  id: number;
  kind: 'lpr' | 'manual';
  captured_at: string;
  plate_number: string;
  likelihood: number;
  direction: string;
  country_code: string | null;
  issuing_entity: string | null;
  plate_rect: { x: number; y: number; width: number; height: number } | null;
  frame: { width: number; height: number };
  has_picture: boolean;
  has_plate: boolean;
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

export interface FieldError {
  pointer: string;
  value: string;
  reason: string;
}

/** A refused or failed request; `status` 0 means that the device was not reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly errors: FieldError[] = [],
    readonly retryAfterS: number | null = null,
  ) {
    super(message);
  }
}

type Hooks = { csrf(): string; unauthorised(): void };
let hooks: Hooks = { csrf: () => '', unauthorised: () => undefined };

/** The session module tells the client its CSRF value and hears about ended sessions. */
export function useSession(session: Hooks): void {
  hooks = session;
}

const TIMEOUT_MS = 15_000;

async function call<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
  const send: Record<string, string> = { Accept: 'application/json', ...headers };
  if (method !== 'GET') send['X-Platecam-CSRF'] = hooks.csrf();
  if (body !== undefined) send['Content-Type'] ??= 'application/json';
  let response: Response;
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      headers: send,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    throw new ApiError(0, 'the device does not answer');
  }
  if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T;
  const problem = (await response.json().catch(() => ({}))) as {
    title?: string;
    detail?: string;
    errors?: FieldError[];
    retry_after_s?: number;
  };
  if (response.status === 401 && path !== '/session') hooks.unauthorised();
  throw new ApiError(
    response.status,
    problem.detail ?? problem.title ?? `HTTP ${response.status}`,
    problem.errors ?? [],
    problem.retry_after_s ?? null,
  );
}

export function recordQuery(query: RecordQuery): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') params.set(name, String(value));
  }
  return params.toString();
}

export const api = {
  device: () => call<DeviceInfo>('GET', '/device'),
  initialise: (password: string, confirm: string, email: string) =>
    call<SessionInfo>('POST', '/init', { password, confirm, ...(email ? { email } : {}) }),
  session: () => call<SessionInfo>('GET', '/session'),
  login: (username: string, password: string) => call<SessionInfo>('POST', '/session', { username, password }),
  logout: () => call<void>('DELETE', '/session'),
  sections: () => call<SectionSummary[]>('GET', '/settings'),
  section: (key: string) => call<SectionView>('GET', `/settings/${encodeURIComponent(key)}`),
  schema: (key: string) => call<object>('GET', `/schema/${encodeURIComponent(key)}`),
  patchSection: (key: string, revision: number, patch: object) =>
    call<{ revision: number; value: Record<string, unknown> }>('PATCH', `/settings/${encodeURIComponent(key)}`, patch, {
      'If-Match': `"${revision}"`,
      'Content-Type': 'application/merge-patch+json',
    }),
  status: () => call<DeviceStatus>('GET', '/status'),
  snapshot: () => call<PlateRecord>('POST', '/snapshots'),
  records: (query: RecordQuery) => call<RecordPage>('GET', `/records?${recordQuery(query)}`),
  record: (id: number) => call<PlateRecord>('GET', `/records/${id}`),
};

export const pictureUrl = (id: number): string => `/api/v1/records/${id}/picture.jpg`;
export const plateUrl = (id: number): string => `/api/v1/records/${id}/plate.jpg`;
