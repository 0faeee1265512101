/** Small warnings in the top bar, each with a link to the page that explains it where there is one. */
import { untrack } from 'svelte';
import type { IconName } from '../components/Icon.svelte';
import type { Condition } from './events.svelte';
import { i18n } from './i18n/index.svelte';

export interface Badge {
  key: string;
  kind: 'warn' | 'bad';
  icon: IconName;
  /** Empty when no page of this user mends it. */
  href: string;
  text: string;
}

class Badges {
  list = $state.raw<Badge[]>([]);

  /** Sets or removes one. */
  put(key: string, badge: Omit<Badge, 'key'> | null): void {
    // Effects that put a badge must not run again because of it.
    const rest = untrack(() => this.list).filter((other) => other.key !== key);
    this.list = badge ? [...rest, { key, ...badge }] : rest;
  }
}

export const badges = new Badges();

const ICONS: Record<string, IconName> = {
  'ntp-failing': 'clock',
  'clock-implausible': 'clock',
  'certificate-ends': 'lock',
  'storage-failing': 'system',
  'disk-nearly-full': 'system',
  'card-unformatted': 'card',
  'card-failing': 'card',
  'source-failing': 'camera',
  'view-disturbed': 'eye-off',
  'recognition-failing': 'plate',
};

/** The badge of something that is wrong now; `reachable` says whether the user finds the page. */
export function badgeOf({ id, severity, page }: Condition, reachable: (page: string) => boolean): Badge {
  return {
    key: id,
    kind: severity === 'error' ? 'bad' : 'warn',
    icon: ICONS[id] ?? 'event',
    href: page && reachable(page) ? page : '',
    text: i18n.lookup(`condition.${id}`) ?? id,
  };
}
