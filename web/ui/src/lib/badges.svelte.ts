/** Small warnings in the top bar, each a link to the page that explains it. */
import { untrack } from 'svelte';
import type { IconName } from '../components/Icon.svelte';

export interface Badge {
  key: string;
  kind: 'warn' | 'bad';
  icon: IconName;
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
