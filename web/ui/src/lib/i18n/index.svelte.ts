/** Messages: one flat JSON per locale, loaded in two parts on demand; plural forms by `key.one` and `key.other`. */
import type en from '../../locales/en.json';
import { unit } from '../unit-clock.svelte';
import { Said } from './said';

export type MessageKey = keyof typeof en;
type Messages = Partial<Record<string, string>>;

export const LOCALES = { en: 'English', de: 'Deutsch' } as const;
export type Locale = keyof typeof LOCALES;

type Loader = () => Promise<{ default: Messages }>;

/** What the pages before the log-in say. */
const door: Record<Locale, Loader> = {
  en: () => import('messages:en-door'),
  de: () => import('messages:de-door'),
};

/** Everything else. */
const rest: Record<Locale, Loader> = {
  en: () => import('messages:en-rest'),
  de: () => import('messages:de-rest'),
};

/** What the unit says itself: English needs no table. */
const saidLoaders: Partial<Record<Locale, Loader>> = {
  de: () => import('../../locales/de.said.json'),
};

/** What was chosen in this browser. */
function chosen(): string | null {
  try {
    return localStorage.getItem('locale');
  } catch {
    // storage may be blocked
    return null;
  }
}

function preferred(): Locale {
  for (const tag of [chosen() ?? '', ...(navigator.languages ?? ['en'])]) {
    const language = tag.split('-')[0];
    if (language in LOCALES) return language as Locale;
  }
  return 'en';
}

class I18n {
  locale = $state<Locale>(preferred());
  /** Whether the texts of all pages are there, not only of those before the log-in. */
  whole = $state(false);
  private messages = $state.raw<Messages>({});
  private unitSaid = new Said({});

  async load(locale: Locale = this.locale): Promise<void> {
    const [first, more, said] = await Promise.all([door[locale](), this.whole ? rest[locale]() : null, saidLoaders[locale]?.()]);
    this.messages = { ...first.default, ...more?.default };
    this.unitSaid = new Said(said?.default ?? {});
    this.locale = locale;
    document.documentElement.lang = locale;
  }

  /** Loads what the pages behind the log-in say. */
  async all(): Promise<void> {
    if (this.whole) return;
    const { locale } = this;
    const more = await rest[locale]();
    // Another language came meanwhile.
    if (locale !== this.locale) return this.all();
    this.messages = { ...this.messages, ...more.default };
    this.whole = true;
  }

  /** Takes the unit's language where none was chosen in this browser (SYS-2). */
  async follow(language: string | undefined): Promise<void> {
    if (chosen() || !language || !(language in LOCALES) || language === this.locale) return;
    await this.load(language as Locale);
  }

  async choose(locale: Locale): Promise<void> {
    // First, so that a page opened at once has it too.
    try {
      localStorage.setItem('locale', locale);
    } catch {
      // kept for this page only
    }
    await this.load(locale);
  }

  /** For keys known only at run time, for example of settings fields. */
  lookup(key: string): string | undefined {
    return this.messages[key];
  }

  /** A refusal of the unit, in the language of the pages. */
  said(text: string): string {
    return this.unitSaid.say(text);
  }

  text(key: string, values: Record<string, string | number> = {}): string {
    return interpolate(this.messages[key] ?? key, values);
  }

  plural(key: string, count: number, values: Record<string, string | number> = {}): string {
    const form = new Intl.PluralRules(this.locale).select(count);
    const message = this.messages[`${key}.${form}`] ?? this.messages[`${key}.other`] ?? key;
    return interpolate(message, { count: this.number(count), ...values });
  }

  number(value: number, digits = 0): string {
    return new Intl.NumberFormat(this.locale, { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(
      value,
    );
  }

  /** Moments are shown by the unit's clock in its formats (SYS-11, SYS-12, SYS-16); before they are known by the browser's. */
  time(value: string | Date): string {
    return unit.time(value) ?? new Intl.DateTimeFormat(this.locale, { timeStyle: 'medium' }).format(new Date(value));
  }

  date(value: string | Date): string {
    return unit.date(value) ?? new Intl.DateTimeFormat(this.locale, { dateStyle: 'medium' }).format(new Date(value));
  }

  dateTime(value: string | Date): string {
    return `${this.date(value)} ${this.time(value)}`;
  }

  bytes(value: number): string {
    const step = value >= 1024 ** 3 ? 3 : value >= 1024 ** 2 ? 2 : value >= 1024 ? 1 : 0;
    return `${this.number(value / 1024 ** step, step >= 2 ? 1 : 0)} ${['B', 'KiB', 'MiB', 'GiB'][step]}`;
  }
}

export function interpolate(message: string, values: Record<string, string | number>): string {
  return message.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

export const i18n = new I18n();

export const t = (key: MessageKey, values?: Record<string, string | number>): string => i18n.text(key, values);
