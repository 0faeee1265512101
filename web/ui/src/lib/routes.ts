/** Which page a path is. */
import { type SettingGroup, type SettingPage, settingTree, slug } from './tree';

export type Route =
  | { page: 'init' }
  | { page: 'login'; next: string }
  | { page: 'reset' }
  | { page: 'live' }
  | { page: 'search'; tab: SearchTab }
  | { page: 'setting'; setting: SettingPage; group: SettingGroup }
  | { page: 'not-found' };

/** What File Search offers, by the last part of its path. */
export const SEARCH_TABS = ['pictures', 'alarms', 'local'] as const;
export type SearchTab = (typeof SEARCH_TABS)[number];

/** Short and older paths. */
const ALIASES = new Map<string, string>([
  ['/', '/live'],
  ['/search', '/search/pictures'],
  ['/search/snapshots', '/search/pictures'],
  ['/setting', '/setting/system/general'],
  ['/setting/system', '/setting/system/general'],
  ['/setting/network', '/setting/network/port'],
  ['/setting/video', '/setting/video/stream'],
  ['/setting/audio/video/stream', '/setting/video/stream'],
  ['/setting/event', '/setting/event/illegal-access'],
  ['/setting/lpr', '/setting/lpr/scene'],
]);
// Paths that the manual writes differently reach the same page (UI-6).
for (const page of settingTree.flatMap((group) => group.pages)) {
  for (const way of page.manual) {
    const alias = `/setting/${slug(way)}`;
    if (alias !== `/setting/${page.path}`) ALIASES.set(alias, `/setting/${page.path}`);
  }
}

export function canonical(path: string): string {
  const trimmed = path.length > 1 ? path.replace(/\/+$/, '') : path;
  return ALIASES.get(trimmed) ?? trimmed;
}

export function match(path: string, query: URLSearchParams): Route {
  const target = canonical(path);
  if (target === '/init') return { page: 'init' };
  if (target === '/login') return { page: 'login', next: safeNext(query.get('next')) };
  if (target === '/login/reset') return { page: 'reset' };
  if (target === '/live') return { page: 'live' };
  const tab = SEARCH_TABS.find((name) => target === `/search/${name}`);
  if (tab) return { page: 'search', tab };
  for (const group of settingTree) {
    for (const setting of group.pages) {
      if (target === `/setting/${setting.path}`) return { page: 'setting', setting, group };
    }
  }
  return { page: 'not-found' };
}

/** Only a path of this device may follow a login: never `//host` or `https:`. */
export function safeNext(next: string | null): string {
  return next && /^\/(?![/\\])[\w\-/.?=&%:]*$/.test(next) && !next.startsWith('/login') ? next : '/live';
}

/** Whether somebody with these permissions and readable sections finds the page in the menu of this model (UI-5, GEN-24). */
export function visible(
  page: SettingPage,
  can: (permission: string) => boolean,
  readable: ReadonlySet<string>,
  lacks: (name: string) => boolean = () => false,
): boolean {
  if (page.function && lacks(page.function)) return false;
  if (page.needs) return can(page.needs);
  return [...page.sections, page.with ?? ''].some((key) => readable.has(key));
}

/** Whether a link to this page leads somebody with these permissions anywhere. */
export function reachable(path: string, can: (permission: string) => boolean): boolean {
  const route = match(path, new URLSearchParams());
  return route.page === 'setting' && can(route.setting.needs ?? 'read-config');
}
