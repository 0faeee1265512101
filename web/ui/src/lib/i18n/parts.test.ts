// @vitest-environment node
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const PAGES = ['pages/LoginPage', 'pages/InitPage', 'pages/ResetPage', 'components/Toasts', 'components/RebootScreen'].map((page) => `src/${page}.svelte`);

/** What a file imports from its start, and what that imports. */
function reached(path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return seen;
  seen.add(path);
  for (const [, from] of readFileSync(path, 'utf8').matchAll(/^\s*import (?!type)[^;]*?from '(\.[^']+)'/gms)) {
    const base = join(dirname(path), from);
    const file = [base, `${base}.ts`, `${base}/index.ts`, `${base}/index.svelte.ts`].find((f) => /\.(svelte|ts)$/.test(f) && existsSync(f));
    if (file) reached(file, seen);
  }
  return seen;
}

describe('texts in two parts', () => {
  it('those of the pages before the log-in are in the first', async () => {
    const { default: door } = await import('messages:en-door');
    const { default: rest } = await import('messages:en-rest');
    const missing: string[] = [];
    for (const file of new Set(PAGES.flatMap((page) => [...reached(page)]))) {
      for (const [, key] of readFileSync(file, 'utf8').matchAll(/\b(?:t|plural|text)\('([\w.-]+)'/g)) {
        if (!(key in door) && !(`${key}.other` in door)) missing.push(`${file}: ${key}`);
      }
    }
    expect(missing).toEqual([]);
    expect(Object.keys(rest).length).toBeGreaterThan(Object.keys(door).length);
  });

  it.each(['en', 'de'])('of %s are all of the file, each once', async (language) => {
    const texts = JSON.parse(readFileSync(`src/locales/${language}.json`, 'utf8'));
    const parts = language === 'en' ? [await import('messages:en-door'), await import('messages:en-rest')] : [await import('messages:de-door'), await import('messages:de-rest')];
    expect({ ...parts[0].default, ...parts[1].default }).toEqual(texts);
    expect(Object.keys(parts[0].default).length + Object.keys(parts[1].default).length).toBe(Object.keys(texts).length);
  });
});
