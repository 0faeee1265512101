/** Quick feedback on a new password; the device judges by the same rules (USER-8, C-13). */

export type PasswordRule = 'length' | 'ascii' | 'excluded' | 'classes';
export const PASSWORD_RULES: PasswordRule[] = ['length', 'classes', 'ascii', 'excluded'];

export const MIN_LENGTH = 8;
export const MAX_LENGTH = 32;
export const EXCLUDED = '\'";:&';

function classes(password: string): number {
  return [/[A-Z]/, /[a-z]/, /[0-9]/, /[!-/:-@[-`{-~]/].filter((kind) => kind.test(password)).length;
}

/** Rules that the password breaks. */
export function brokenRules(password: string): Set<PasswordRule> {
  const broken = new Set<PasswordRule>();
  const length = [...password].length;
  if (length < MIN_LENGTH || length > MAX_LENGTH) broken.add('length');
  if (!/^[!-~]*$/.test(password)) broken.add('ascii');
  if ([...password].some((c) => EXCLUDED.includes(c))) broken.add('excluded');
  if (classes(password) < 2) broken.add('classes');
  return broken;
}

/** 0 while a rule is broken, then 1 weak, 2 medium, 3 strong; sequences, repeats and the user name lower it. */
export function strength(password: string, user = 'admin'): 0 | 1 | 2 | 3 {
  if (brokenRules(password).size > 0) return 0;
  let score = 1 + (classes(password) >= 3 ? 1 : 0) + (password.length >= 12 ? 1 : 0);
  const lower = password.toLowerCase();
  const backwards = [...user.toLowerCase()].reverse().join('');
  if (/(.)\1\1/.test(password) || hasSequence(lower) || lower.includes(user.toLowerCase()) || lower.includes(backwards)) {
    score -= 1;
  }
  return Math.min(3, Math.max(1, score)) as 1 | 2 | 3;
}

function hasSequence(text: string): boolean {
  for (let i = 0; i + 3 < text.length; i++) {
    const step = text.charCodeAt(i + 1) - text.charCodeAt(i);
    if (Math.abs(step) !== 1) continue;
    if ([1, 2].every((k) => text.charCodeAt(i + k + 1) - text.charCodeAt(i + k) === step)) return true;
  }
  return false;
}
