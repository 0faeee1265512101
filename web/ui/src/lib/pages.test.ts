import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import de from '../locales/de.json';
import en from '../locales/en.json';
import { recordQuery } from './api';
import { interpolate } from './i18n/index.svelte';
import { brokenRules, strength } from './password';
import { canonical, match, safeNext, settingTree } from './routes';
import { fromQuery, lastHours, localInput, toApi, toQuery } from './search';

const none = new URLSearchParams();

describe('router', () => {
  it.each([
    ['/', 'live'],
    ['/live/', 'live'],
    ['/init', 'init'],
    ['/login', 'login'],
    ['/search', 'search'],
    ['/search/snapshots', 'search'],
    ['/setting', 'setting'],
    ['/setting/video/stream', 'setting'],
    ['/setting/none', 'not-found'],
    ['/nowhere', 'not-found'],
  ])('%s is the page %s', (path, page) => {
    expect(match(path, none).page).toBe(page);
  });

  it('reaches every page of the tree, each section once', () => {
    const sections = settingTree.flatMap((group) => group.pages.flatMap((page) => page.sections));
    expect(new Set(sections).size).toBe(sections.length);
    for (const page of settingTree.flatMap((group) => group.pages)) {
      const route = match(`/setting/${page.path}`, none);
      expect(route.page === 'setting' && route.setting).toBe(page);
    }
  });

  it('aliases lead to pages', () => {
    for (const path of ['/setting/system', '/setting/network', '/setting/lpr', '/setting/event', '/setting/audio/video/stream']) {
      expect(match(path, none).page, path).toBe('setting');
      expect(canonical(path)).not.toBe(path);
    }
  });

  it.each([
    ['/search/pictures?plate=A', '/search/pictures?plate=A'],
    [null, '/live'],
    ['//evil.example', '/live'],
    ['/\\evil.example', '/live'],
    ['https://evil.example', '/live'],
    ['javascript:alert(1)', '/live'],
    ['/login?next=/login', '/live'],
  ])('after a login, next=%s goes to %s', (next, want) => {
    expect(safeNext(next)).toBe(want);
  });
});

describe('password', () => {
  it.each([
    ['abcdefg1', []],
    ['abcdef1', ['length']],
    ['aB1-5'.repeat(7), ['length']],
    ['abcdefgh', ['classes']],
    ['abc defg1', ['ascii']],
    ['abcdefgé1', ['ascii']],
    ['abcdefg1&', ['excluded']],
    ["a'", ['length', 'excluded']],
  ])('%s breaks %j (USER-8)', (password, want) => {
    expect([...brokenRules(password)].sort()).toEqual([...want].sort());
  });

  it.each([
    ['abc', 0],
    ['xkqjwvz1', 1],
    ['xKqjwvz1', 2],
    ['xKqjwvzprt1-', 3],
    ['xK1234qjwvz-', 2],
    ['xKaaaqjwvz1-', 2],
    ['adminxKqjw1-', 2],
    ['nimdaxKqjw1-', 2],
  ])('%s has strength %i (C-13)', (password, want) => {
    expect(strength(password)).toBe(want);
  });
});

describe('search', () => {
  it('keeps the form in the address bar', () => {
    const form = fromQuery(new URLSearchParams('plate=AB*&kind=lpr&from=2026-11-22T10:00'));
    expect(toQuery(form).toString()).toBe('from=2026-11-22T10%3A00&plate=AB*&kind=lpr');
    expect(fromQuery(toQuery(form))).toEqual(form);
  });

  it('asks the API in UTC and in upper case', () => {
    const local = new Date(2026, 10, 22, 10, 0);
    const query = toApi({ from: '2026-11-22T10:00', to: 'nonsense', plate: ' ab-1 2? ', kind: '', direction: 'departing' });
    expect(query).toEqual({ from: local.toISOString(), to: undefined, plate: 'AB12?', kind: undefined, direction: 'departing' });
    expect(recordQuery({ ...query, limit: 5 })).toBe(`from=${encodeURIComponent(local.toISOString())}&plate=AB12%3F&direction=departing&limit=5`);
  });

  it('fills in the last hours', () => {
    expect(lastHours(24, new Date(2026, 10, 22, 9, 5))).toEqual({ from: '2026-11-21T09:05', to: '' });
    expect(localInput(new Date(2026, 0, 2, 3, 4))).toBe('2026-01-02T03:04');
  });
});

describe('locales', () => {
  const placeholders = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort().join();

  it('German says everything that English says, with the same values', () => {
    for (const [key, text] of Object.entries(en)) {
      const other = (de as Record<string, string>)[key];
      expect(other, key).toBeTruthy();
      expect(placeholders(other), key).toBe(placeholders(text));
    }
  });

  it('has no text without a use, and no use without a text', () => {
    const source = [...files('src')].filter((path) => /\.(svelte|ts)$/.test(path) && !path.endsWith('.test.ts')).map((path) => readFileSync(path, 'utf8')).join('\n');
    const used = new Set([...source.matchAll(/'([a-z][\w-]*(?:\.[\w-]+)+)'/g)].map((m) => m[1]));
    // Built at run time.
    const dynamic = /^(choice|field|unit|section|level|theme|direction|password|record\.kind|live\.(stream|renderer)|search\.(hours|days|found))\./;
    for (const key of Object.keys(en)) expect(used.has(key) || dynamic.test(key) || source.includes(`'${key}'`), `${key} is not used`).toBe(true);
    for (const m of source.matchAll(/\bt\('([\w.-]+)'/g)) expect(m[1] in en, `${m[1]} has no text`).toBe(true);
    for (const group of settingTree) for (const key of [group.title, ...group.pages.map((p) => p.title)]) expect(key in en, key).toBe(true);
  });

  it('leaves unknown values visible', () => {
    expect(interpolate('{a} of {b}', { a: 1 })).toBe('1 of {b}');
  });
});

function* files(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else yield path;
  }
}
