/** Voice prompts (docs/reference/web-api/audio.md). */
import { call } from '../http';

export interface Clip {
  token: string;
  name: string;
  enabled: boolean;
  /** Empty for a sound that was uploaded. */
  text: string;
}

export interface Clips {
  mute: string | null;
  clips: Clip[];
  missing: string[];
  playing: { token: string; name: string; repeats_left: number } | null;
}

const one = (token: string) => `/audio/clips/${encodeURIComponent(token)}`;

export const audio = {
  list: () => call<Clips>('GET', '/audio/clips'),
  upload: (name: string, file: Blob) => call<{ token: string }>('POST', `/audio/clips?name=${encodeURIComponent(name)}`, file, { timeoutMs: 60_000 }),
  say: (name: string, text: string) => call<{ token: string }>('POST', '/audio/texts', { name, text }),
  remove: (token: string) => call<void>('DELETE', one(token)),
  play: (token: string) => call<void>('POST', `${one(token)}/play`),
  stop: () => call<void>('POST', '/audio/stop'),
};
