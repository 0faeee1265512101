/** Revocation lists for client certificates (docs/reference/web-api/certificates.md). */
import { call } from '../http';

export interface RevocationList {
  id: string;
  alias: string;
  issuer: string;
  this_update: string;
  next_update: string | null;
  revoked: number;
}

export const revocation = {
  list: () => call<{ lists: RevocationList[]; limit: number }>('GET', '/revocation-lists'),
  upload: (alias: string, crl: string) => call<RevocationList>('POST', '/revocation-lists', { alias, crl }),
  remove: (id: string) => call<void>('DELETE', `/revocation-lists/${encodeURIComponent(id)}`),
};
