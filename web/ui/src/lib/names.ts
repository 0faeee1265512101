/** Names of settings for people. */
import { i18n } from './i18n/index.svelte';

/** The label of a field; `undefined` for what has none. */
export function fieldName(section: string, pointer: string): string | undefined {
  return i18n.lookup(`settings.${section}${pointer.replaceAll('/', '.')}`) ?? i18n.lookup(`field.${pointer.split('/').pop()}`);
}

/** Where a refused value belongs to: a field of this request, or of a section in a file (`/sections/KEY/value/FIELD`). */
export function placeName(pointer: string): string | undefined {
  const [, section, field] = /^\/sections\/([^/]+)\/value(\/.+)$/.exec(pointer) ?? [];
  if (section) return `${i18n.lookup(`section.${section}`) ?? section}, ${fieldName(section, field) ?? field.slice(1)}`;
  return fieldName('', pointer);
}
