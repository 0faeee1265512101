/** One table of pages; menu, breadcrumbs, permissions and the page-map test derive from it. */

export interface SettingPage {
  /** Path below /setting. */
  path: string;
  /** Message key of the title. */
  title: string;
  /** Settings sections shown as tabs or one below the other. */
  sections: string[];
}

export interface SettingGroup {
  title: string;
  icon: string;
  pages: SettingPage[];
}

/** The manual's tree, as far as it is built (webui.md section 4). */
export const settingTree: SettingGroup[] = [
  {
    title: 'menu.system',
    icon: 'system',
    pages: [{ path: 'system/general', title: 'page.general', sections: ['device.general'] }],
  },
  {
    title: 'menu.network',
    icon: 'network',
    pages: [
      { path: 'network/port', title: 'page.port', sections: ['net.ports'] },
      { path: 'network/onvif', title: 'page.onvif', sections: ['onvif'] },
    ],
  },
  {
    title: 'menu.video',
    icon: 'video',
    pages: [{ path: 'video/stream', title: 'page.video-stream', sections: ['video.main', 'video.sub'] }],
  },
  {
    title: 'menu.event',
    icon: 'event',
    pages: [{ path: 'event/illegal-access', title: 'page.illegal-access', sections: ['security.login'] }],
  },
  {
    title: 'menu.lpr',
    icon: 'plate',
    pages: [{ path: 'lpr/scene', title: 'page.lpr-scene', sections: ['lpr.recognition'] }],
  },
];

export type Route =
  | { page: 'init' }
  | { page: 'login'; next: string }
  | { page: 'live' }
  | { page: 'search' }
  | { page: 'setting'; setting: SettingPage; group: SettingGroup }
  | { page: 'not-found' };

/** Other ways the manual writes a path reach the same page (UI-6). */
const ALIASES: Record<string, string> = {
  '/': '/live',
  '/search': '/search/pictures',
  '/search/snapshots': '/search/pictures',
  '/setting': '/setting/video/stream',
  '/setting/video': '/setting/video/stream',
  '/setting/audio/video/stream': '/setting/video/stream',
  '/setting/system': '/setting/system/general',
  '/setting/network': '/setting/network/port',
  '/setting/lpr': '/setting/lpr/scene',
  '/setting/event': '/setting/event/illegal-access',
};

export function canonical(path: string): string {
  const trimmed = path.length > 1 ? path.replace(/\/+$/, '') : path;
  return ALIASES[trimmed] ?? trimmed;
}

export function match(path: string, query: URLSearchParams): Route {
  const target = canonical(path);
  if (target === '/init') return { page: 'init' };
  if (target === '/login') return { page: 'login', next: safeNext(query.get('next')) };
  if (target === '/live') return { page: 'live' };
  if (target === '/search/pictures') return { page: 'search' };
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
