/** A refused form: what belongs to a field, and the rest as one text. */
import { ApiError, type FieldError, reason } from './http';
import { placeName } from './names';

export interface Refusals {
  fields: Record<string, string>;
  rest: string;
}

export const NONE: Refusals = { fields: {}, rest: '' };

/** `known` are the pointers that the form shows at their fields. */
export function refusals(error: unknown, known: string[]): Refusals {
  if (!(error instanceof ApiError) || error.errors.length === 0) return { fields: {}, rest: reason(error) };
  const fields: Record<string, string> = {};
  const rest: string[] = [];
  for (const one of error.errors) {
    const { pointer, reason } = one;
    const field = known.find((at) => pointer === at || pointer.startsWith(`${at}/`));
    if (field) fields[field] = fields[field] ? `${fields[field]}; ${reason}` : reason;
    else rest.push(told(one));
  }
  return { fields, rest: rest.join('; ') };
}

/** One refusal for people: what was sent as a whole, for example a package, has no name of its own. */
export function told({ pointer, value, reason }: FieldError, otherwise = value): string {
  const name = placeName(pointer) ?? otherwise;
  return name ? `${name}: ${reason}` : reason;
}
