/** A refused form: what belongs to a field, and the rest as one text. */
import { ApiError, reason } from './http';

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
  for (const { pointer, reason } of error.errors) {
    const field = known.find((at) => pointer === at || pointer.startsWith(`${at}/`));
    if (field) fields[field] = fields[field] ? `${fields[field]}; ${reason}` : reason;
    else rest.push(`${pointer} ${reason}`);
  }
  return { fields, rest: rest.join('; ') };
}
