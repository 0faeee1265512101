/** Users, groups, sessions, second factor, tokens, password reset (docs/reference/web-api/people.md). */
import type { SessionInfo } from '../api';
import { call } from '../http';

const seg = encodeURIComponent;

export interface User {
  name: string;
  group: string;
  level: string;
  permissions: string[] | null;
  effective: string[];
  remark: string;
  email: string | null;
  builtin: boolean;
  created_at: string;
  password_expires_at: string | null;
  password_expired: boolean;
  totp: boolean;
  online: boolean | number;
  locked_for_s: number | null;
}

export interface Group {
  name: string;
  remark: string;
  permissions: string[];
  builtin: boolean;
  level: string;
  members: number | string[];
}

export interface Online {
  id: string;
  user: string;
  group: string;
  address: string;
  kind: string;
  login_time: string;
  last_seen: string;
  own: boolean;
  can_disconnect: boolean;
  detail: string;
}

export interface Lock {
  id: string;
  kind: 'user' | 'address';
  name: string;
  failures: number;
  locked: boolean;
  time_left_s: number;
}

export interface Token {
  id: string;
  name: string;
  user: string;
  permissions: string[];
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
  last_address: string | null;
  token?: string;
}

export interface OwnSession {
  id: string;
  current: boolean;
  address: string;
  started: string;
  last_used: string;
  remembered: boolean;
}

export interface ResetState {
  available: boolean;
  reason: 'disabled' | 'no-key' | null;
  serial: string;
  mailbox: string;
  /** Whether a holder of a key answers the text of a QR code. */
  by_text: boolean;
  /** Whether the unit mails the code itself. */
  by_mail: boolean;
}

export interface MailedCode {
  id: string;
  serial: string;
  /** The stored address, masked. */
  address: string;
  expires_at: string;
}

export interface Challenge {
  id: string;
  text: string;
  serial: string;
  mailbox: string;
  expires_at: string;
}

export const people = {
  users: () => call<User[]>('GET', '/users'),
  addUser: (user: object) => call<User>('POST', '/users', user),
  changeUser: (name: string, change: object) => call<User>('PATCH', `/users/${seg(name)}`, change),
  deleteUser: (name: string) => call<void>('DELETE', `/users/${seg(name)}`),
  removeTotp: (name: string) => call<void>('DELETE', `/users/${seg(name)}/totp`),
  groups: () => call<Group[]>('GET', '/groups'),
  addGroup: (group: object) => call<Group>('POST', '/groups', group),
  changeGroup: (name: string, change: object) => call<Group>('PATCH', `/groups/${seg(name)}`, change),
  deleteGroup: (name: string) => call<void>('DELETE', `/groups/${seg(name)}`),
  permissions: () => call<{ permission: string; title: string }[]>('GET', '/permissions'),
  online: () => call<Online[]>('GET', '/online'),
  disconnect: (id: string) => call<void>('DELETE', `/online/${seg(id)}`),
  locks: () => call<Lock[]>('GET', '/lockout'),
  unlock: (id: string) => call<void>('DELETE', `/lockout/${seg(id)}`),
  sessions: () => call<OwnSession[]>('GET', '/sessions'),
  endSession: (id: string) => call<void>('DELETE', `/sessions/${seg(id)}`),
  changePassword: (current: string, password: string, confirm: string) =>
    call<SessionInfo>('PUT', '/session/password', { current, password, confirm }),
  totp: () => call<{ enabled: boolean; recovery_left: number }>('GET', '/session/totp'),
  startTotp: (password: string) => call<{ secret: string; uri: string }>('POST', '/session/totp', { password }),
  confirmTotp: (code: string) => call<{ recovery_codes: string[] }>('POST', '/session/totp/confirm', { code }),
  disableTotp: (password: string) => call<void>('POST', '/session/totp/disable', { password }),
  tokens: () => call<Token[]>('GET', '/tokens'),
  addToken: (token: object) => call<Token>('POST', '/tokens', token),
  revokeToken: (id: string) => call<void>('DELETE', `/tokens/${seg(id)}`),
};

/** Before a login. */
export const reset = {
  state: () => call<ResetState>('GET', '/password-reset'),
  challenge: () => call<Challenge>('POST', '/password-reset/challenge', { accepted: true }),
  mail: () => call<MailedCode>('POST', '/password-reset/mail', { accepted: true }),
  verify: (id: string, code: string) => call<{ ticket: string; expires_at: string }>('POST', '/password-reset/verify', { id, code }),
  complete: (ticket: string, password: string, confirm: string) => call<void>('POST', '/password-reset/complete', { ticket, password, confirm }),
};
