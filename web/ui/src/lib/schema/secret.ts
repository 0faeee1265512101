/** How a secret looks in a section's value: the device tells only whether it is set. */
export function isSet(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return (value as { set?: unknown }).set === true;
  return value === true || value === '********' || value === '***';
}

/** The text that was typed in this form; empty when there is none. */
export function secretValue(value: unknown): string {
  return typeof value === 'string' && !isSet(value) ? value : '';
}
