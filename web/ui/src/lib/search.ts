/** The search form as it stands in the address bar, and as the API wants it. */
import type { RecordQuery } from './api';
import { unit } from './unit-clock.svelte';

export interface SearchForm {
  /** Local date-times as `<input type="datetime-local">` has them. */
  from: string;
  to: string;
  plate: string;
  kind: string;
  direction: string;
}

export const EMPTY: SearchForm = { from: '', to: '', plate: '', kind: '', direction: '' };

export function fromQuery(params: URLSearchParams): SearchForm {
  const form = { ...EMPTY };
  for (const name of Object.keys(EMPTY) as (keyof SearchForm)[]) form[name] = params.get(name) ?? '';
  return form;
}

export function toQuery(form: SearchForm): URLSearchParams {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(form)) if (value) params.set(name, value);
  return params;
}

/** Times of the unit's clock become UTC; plate text is upper case without blanks and hyphens, `?` and `*` stay. */
export function toApi(form: SearchForm): RecordQuery {
  const utc = (local: string) => unit.moment(local);
  return {
    from: utc(form.from),
    to: utc(form.to),
    plate: form.plate.toUpperCase().replaceAll(/[\s-]/g, '') || undefined,
    kind: form.kind || undefined,
    direction: form.direction || undefined,
  };
}

/** A span that ends now, in the form's notation. */
export function lastHours(hours: number, now: Date): Pick<SearchForm, 'from' | 'to'> {
  return { from: localInput(new Date(now.getTime() - hours * 3_600_000)), to: '' };
}

export const localInput = (date: Date): string => unit.input(date).slice(0, 16);
