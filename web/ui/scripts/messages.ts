// One file of texts per language, loaded in two parts: what the pages before the log-in say, and all the rest.
// `import('messages:en-door')` and `import('messages:en-rest')`.
import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';

/** First words of the keys that somebody without a session sees; `src/lib/i18n/parts.test.ts` holds the pages to it. */
const DOOR = new Set(
  'a11y account action badge confirm device duration form init language locks login menu not-found password reset restart secret state theme totp'.split(' '),
);

export function messages(): Plugin {
  const name = /^messages:(\w+)-(door|rest)$/;
  return {
    name: 'messages',
    resolveId: (id) => (name.test(id) ? `\0${id}` : undefined),
    load(id) {
      const [, language, part] = name.exec(id.slice(1)) ?? [];
      if (!id.startsWith('\0') || !part) return undefined;
      const path = new URL(`../src/locales/${language}.json`, import.meta.url).pathname;
      this.addWatchFile(path);
      const texts: Record<string, string> = JSON.parse(readFileSync(path, 'utf8'));
      const chosen = Object.entries(texts).filter(([key]) => DOOR.has(key.split('.')[0]) === (part === 'door'));
      return `export default ${JSON.stringify(Object.fromEntries(chosen))}`;
    },
  };
}
