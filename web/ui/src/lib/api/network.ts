/** Address, name and neighbours of the unit, and the change on trial (docs/reference/web-api/network.md). */
import { call } from '../http';

export interface Lease {
  server: string | null;
  lifetime_s: number | null;
}

export interface NetworkState {
  daemon: string | null;
  unchangeable_reason: string | null;
  interfaces: { name: string; mac: string; addresses: string[]; mtu: number; up: boolean; lease: Lease | null }[];
  hostname: string;
  dns: string[];
  gateways: string[];
  waiting_gateways: { gateway: string; segment: string }[];
  trial: { by: string; addresses: string[]; seconds_left: number; confirmable: boolean } | null;
  last: { end: 'confirmed' | 'rolled-back'; at: string; reason: string | null } | null;
  conflict: [string, string] | null;
}

export const network = {
  state: () => call<NetworkState>('GET', '/network'),
  confirm: () => call<void>('POST', '/network/confirm'),
  revert: () => call<void>('POST', '/network/revert'),
};

/** This page's address at another host address. */
export function movedTo(address: string, here: Pick<Location, 'protocol' | 'port' | 'pathname'>): string {
  const host = address.includes(':') ? `[${address}]` : address;
  return `${here.protocol}//${host}${here.port ? `:${here.port}` : ''}${here.pathname}`;
}
