/** Requests to `/api/v1` with the session's CSRF value; refusals become `ApiError`, in the language of the pages. */
import { i18n } from './i18n/index.svelte';

export interface FieldError {
  pointer: string;
  value: string;
  reason: string;
}

interface Problem {
  type?: string;
  title?: string;
  detail?: string;
  errors?: FieldError[];
  retry_after_s?: number;
}

/** A refused or failed request; `status` 0 means that the device was not reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly errors: FieldError[] = [],
    readonly retryAfterS: number | null = null,
    /** The last word of the problem's type, for example `conflict`. */
    readonly kind = '',
    /** The whole answer. */
    readonly body: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

type Hooks = { csrf(): string; unauthorised(): void; expired(): void };
let hooks: Hooks = { csrf: () => '', unauthorised: () => undefined, expired: () => undefined };

/** The session module tells the client its CSRF value and hears about ended sessions and expired passwords. */
export function useSession(session: Hooks): void {
  hooks = session;
}

const TIMEOUT_MS = 15_000;

export interface CallOptions {
  headers?: Record<string, string>;
  timeoutMs?: number;
}

function refused(path: string, status: number, problem: Problem): ApiError {
  if (status === 401 && !path.startsWith('/session')) hooks.unauthorised();
  const kind = problem.type?.split(':').pop() ?? '';
  const errors = (problem.errors ?? []).map((error) => ({ ...error, reason: i18n.said(error.reason) }));
  // The detail names fields by their pointers, for programs; people read the reasons.
  const message = errors.map((error) => error.reason).join('; ') || i18n.said(problem.detail || problem.title || `HTTP ${status}`);
  if (kind === 'password-expired') hooks.expired();
  return new ApiError(status, message, errors, problem.retry_after_s ?? null, kind, { ...problem });
}

async function send(method: string, path: string, body: unknown, options: CallOptions): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json', ...options.headers };
  if (method !== 'GET') headers['X-Platecam-CSRF'] = hooks.csrf();
  const raw = body instanceof Blob;
  if (body !== undefined) headers['Content-Type'] ??= raw ? 'application/octet-stream' : 'application/json';
  let response: Response;
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      headers,
      body: body === undefined ? undefined : raw ? body : JSON.stringify(body),
      signal: AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS),
    });
  } catch {
    throw new ApiError(0, i18n.said('the device does not answer'));
  }
  if (response.ok) return response;
  throw refused(path, response.status, (await response.json().catch(() => ({}))) as Problem);
}

export async function call<T>(method: string, path: string, body?: unknown, options: CallOptions = {}): Promise<T> {
  const response = await send(method, path, body, options);
  const text = response.status === 204 ? '' : await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

/** Asks for a file and hands it to the browser's downloads; returns its name. */
export async function download(method: string, path: string, body: unknown, fallback: string): Promise<string> {
  const response = await send(method, path, body, { headers: { Accept: '*/*' }, timeoutMs: 120_000 });
  const name = /filename="?([^";]+)"?/.exec(response.headers.get('Content-Disposition') ?? '')?.[1] ?? fallback;
  saveBlob(await response.blob(), name);
  return name;
}

export function saveBlob(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Sends a file and tells how much of it went out, 0 to 1; `fetch` cannot tell that. */
export function upload<T>(method: string, path: string, file: Blob, progress: (part: number) => void, headers: Record<string, string> = {}): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, `/api/v1${path}`);
    request.setRequestHeader('Accept', 'application/json');
    request.setRequestHeader('X-Platecam-CSRF', hooks.csrf());
    request.setRequestHeader('Content-Type', headers['Content-Type'] ?? 'application/octet-stream');
    for (const [name, value] of Object.entries(headers)) if (name !== 'Content-Type') request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onerror = () => reject(new ApiError(0, i18n.said('the device does not answer')));
    request.onload = () => {
      let body: unknown;
      try {
        body = request.responseText ? JSON.parse(request.responseText) : undefined;
      } catch {
        body = {};
      }
      if (request.status >= 200 && request.status < 300) resolve(body as T);
      else reject(refused(path, request.status, (body ?? {}) as Problem));
    };
    request.send(file);
  });
}

/** Query text of the values that are set. */
export function query(values: Record<string, string | number | undefined | null>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== null && value !== '') params.set(name, String(value));
  }
  return params.toString();
}

/** What to tell people about a failure. */
export const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
