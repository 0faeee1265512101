import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import de from '../locales/de.json';
import en from '../locales/en.json';
import { recordQuery } from './api';
import { i18n, interpolate } from './i18n/index.svelte';
import { brokenRules, strength } from './password';
import { badgeOf } from './badges.svelte';
import { ApiError } from './http';
import { refusals } from './refusals';
import { canonical, match, reachable, safeNext, visible } from './routes';
import { settingTree, slug } from './tree';
import { fromQuery, lastHours, localInput, toApi, toQuery } from './search';

const none = new URLSearchParams();

describe('router', () => {
  it.each([
    ['/', 'live'],
    ['/live/', 'live'],
    ['/init', 'init'],
    ['/login', 'login'],
    ['/login/reset', 'reset'],
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
      // A dot would ask the server for a file.
      expect(page.path).toMatch(/^[a-z0-9/-]+$/);
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

  // Headings and paths of the manual's chapters that are in this product; a missing page fails here (UI-6, webui map).
  it.each([
    ['System/System Setting/General Settings', 'system/general'],
    ['System/System Settings/Time Settings', 'system/time'],
    ['System/Device Maintenance/Upgrade and Maintenance', 'system/maintenance'],
    ['System/Device Maintenance/Log', 'system/log'],
    ['System/Security/System Service', 'system/services'],
    ['System Setting/User Management/Account/User', 'system/users'],
    ['System Setting/User Management/Account/Edit Permission', 'system/groups'],
    ['System Setting/User Management/Online User', 'system/online'],
    ['System Setting/User Management/Password Reset', 'system/password-reset'],
    ['System/Legal Information', 'system/legal'],
    ['Network Settings/TCP/IP/Port', 'network/port'],
    ['Network Settings/Advanced/Remote Log', 'network/remote-log'],
    ['Event/Alarm/Alarm', 'event/alarm'],
    ['Event/Alarm/Alarm-out Port', 'event/alarm-out'],
    ['Image/Display Settings', 'video/image'],
    ['Image/Display Settings/Metering', 'video/metering'],
    ['LPR/AI Setting/Intelligent Analysis', 'lpr/intelligence'],
    ['LPR/AI Setting/Scene Config', 'lpr/scene'],
    ['LPR/Config (LPR)', 'lpr/areas'],
    ['LPR/Device Commission/Device Commission', 'lpr/commission'],
    ['LPR/Device Commission/Debug Info Collection', 'lpr/debug'],
  ])('Setting → %s reaches %s', (way, path) => {
    const route = match(`/setting/${slug(way)}`, none);
    expect(route.page === 'setting' && route.setting.path).toBe(path);
  });

  it('hides what somebody may not do (UI-5)', () => {
    const page = (path: string) => settingTree.flatMap((group) => group.pages).find((p) => p.path === path) ?? settingTree[0].pages[0];
    const can = (permission: string) => permission === 'live-view';
    expect(visible(page('system/users'), can, new Set(['time']))).toBe(false);
    expect(visible(page('system/time'), can, new Set(['time']))).toBe(true);
    expect(visible(page('system/time'), can, new Set())).toBe(false);
    expect(visible(page('system/legal'), can, new Set())).toBe(true);
  });

  it('hides what the model lacks (GEN-24)', () => {
    const page = (path: string) => settingTree.flatMap((group) => group.pages).find((p) => p.path === path)!;
    const all = () => true;
    expect(visible(page('system/password-reset'), all, new Set(), () => false)).toBe(true);
    expect(visible(page('system/password-reset'), all, new Set(), (name) => name === 'password-reset')).toBe(false);
    // A section that is not listed hides its page.
    expect(visible(page('video/masks'), all, new Set(['video.main']))).toBe(false);
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

/** The rules of the unit's own check: word, page, whether it is a live one. */
const rules = [...readFileSync('../../device/model/src/upkeep/rules.rs', 'utf8').matchAll(/id: "([^"]+)",\s+severity: \w+,\s+page: "([^"]*)",\s+live: (\w+)/g)].map(
  ([, id, page, live]) => ({ id, page, live: live === 'true' }),
);

describe('what is wrong', () => {
  it('is mended on pages that exist (COMM-6)', () => {
    expect(rules.length).toBeGreaterThan(10);
    for (const { id, page } of rules) {
      if (!page) continue;
      expect(match(page, none).page, `${id} links to ${page}`).toBe('setting');
      expect(canonical(page), `${id} links to an alias`).toBe(page);
    }
  });

  it('has a text for each badge, and for nothing else', () => {
    const texts = Object.keys(en).filter((key) => key.startsWith('condition.'));
    expect(texts.sort()).toEqual(rules.filter((rule) => rule.live).map((rule) => `condition.${rule.id}`).sort());
  });

  it('links only to pages that the user finds (UI-5)', async () => {
    await i18n.load('en');
    await i18n.all();
    const page = '/setting/network/https';
    const badge = (can: string) => badgeOf({ id: 'certificate-ends', severity: 'warning', page }, (path) => reachable(path, (p) => p === can));
    expect(badge('security-config')).toEqual({ key: 'certificate-ends', kind: 'warn', icon: 'lock', href: page, text: 'The certificate of HTTPS ends soon' });
    expect(badge('live-view').href).toBe('');
    expect(badgeOf({ id: 'source-failing', severity: 'error', page: '' }, () => true)).toMatchObject({ kind: 'bad', href: '' });
    expect(reachable('/setting/nowhere/at-all', () => true)).toBe(false);
  });
});

describe('refusals', () => {
  const rest = (pointer: string, value = '') => refusals(new ApiError(422, 'x', [{ pointer, value, reason: 'is wrong' }]), ['/password']);

  it('are told without pointers (SYS-26, SYS-24)', async () => {
    await i18n.load('en');
    await i18n.all();
    expect(rest('/package').rest).toBe('is wrong');
    expect(rest('/source/model', 'X-1').rest).toBe('X-1: is wrong');
    expect(rest('/sections/device.geo/value/latitude').rest).toBe('Geographic Location, latitude: is wrong');
    expect(rest('/password')).toEqual({ fields: { '/password': 'is wrong' }, rest: '' });
    await i18n.load('de');
    expect(rest('/sections/device.general/value/name').rest).toMatch(/name: is wrong$/i);
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
    const dynamic = /^(alarm\.mail|watermark\.fault|choice|color|condition|field|unit|section|level|theme|direction|password|permission|group|legal|severity|debug\.part|https\.(kind|state|part)|locks\.kind|log\.(kind|severity)|online\.kind|maintenance\.(kind|reach)|upgrade\.outcome|record\.kind|live\.(stream|renderer)|search\.(hours|days|found)|vehicle)\./;
    for (const key of Object.keys(en)) expect(used.has(key) || dynamic.test(key) || source.includes(`'${key}'`) || used.has(key.replace(/\.(one|other)$/, '')), `${key} is not used`).toBe(true);
    for (const m of source.matchAll(/\bt\('([\w.-]+)'/g)) expect(m[1] in en, `${m[1]} has no text`).toBe(true);
    for (const group of settingTree) for (const key of [group.title, ...group.pages.map((p) => p.title)]) expect(key in en, key).toBe(true);
  });

  it('German names every field of every section that a page shows', () => {
    const reference = readFileSync('../../docs/reference/settings.md', 'utf8');
    const shown = new Set(settingTree.flatMap((group) => group.pages.flatMap((page) => page.sections)));
    const missing: string[] = [];
    for (const part of reference.split('\n## ').slice(1)) {
      const key = /^`([^`]+)`/.exec(part)?.[1] ?? '';
      if (!shown.has(key)) continue;
      for (const [, name] of part.matchAll(/^\| `(\w+)` \|/gm)) {
        if (!(`settings.${key}.${name}` in de) && !(`field.${name}` in de)) missing.push(`${key}.${name}`);
      }
    }
    expect(missing).toEqual([]);
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
