/** Words of the device that have a name in this language; own ones stay as they are. */
import { i18n } from './i18n/index.svelte';

export const groupName = (name: string): string => i18n.lookup(`group.${name}`) ?? name;
export const permissionName = (name: string): string => i18n.lookup(`permission.${name}`) ?? name;

/** Seconds as days, hours and minutes. */
export function duration(seconds: number): string {
  const [d, h, m, s] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
  if (d > 0) return i18n.text('duration.days', { days: d, hours: h });
  if (h > 0) return i18n.text('duration.hours', { hours: h, minutes: m });
  return m > 0 ? i18n.text('duration.minutes', { minutes: m, seconds: s }) : i18n.text('duration.seconds', { seconds: s });
}
