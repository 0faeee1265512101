/** Keys and certificates of HTTPS (docs/reference/web-api/certificates.md). A private key is never answered. */
import { call } from '../http';

const seg = encodeURIComponent;

export interface Certificate {
  id: string;
  alias: string;
  kind: 'certificate' | 'request' | 'key' | 'authority';
  subject: string;
  issuer: string;
  serial: string;
  names: string[];
  not_before: string | null;
  not_after: string | null;
  fingerprint: string;
  self_signed: boolean;
  ca_issued: boolean;
  in_use: boolean;
  state: 'valid' | 'expiring' | 'expired' | 'not-yet-valid' | null;
  covers_address: boolean;
}

export interface CertificateList {
  certificates: Certificate[];
  root: { subject: string; fingerprint: string; not_after: string };
  limit: number;
}

export interface NewCertificate {
  alias: string;
  subject: { country: string; state: string; city: string; organization: string; unit: string; common_name: string };
  names: string[];
  valid_days: number;
  signed_by: 'device-ca' | 'self';
}

export type Upload = { alias: string } & ({ certificate: string; key: string } | { pkcs12: string; password: string });

export const certificates = {
  list: () => call<CertificateList>('GET', '/certificates'),
  create: (body: NewCertificate) => call<Certificate>('POST', '/certificates', body),
  request: (body: NewCertificate) => call<Certificate>('POST', '/certificates/requests', body),
  upload: (body: Upload) => call<Certificate>('POST', '/certificates/upload', body),
  complete: (id: string, certificate: string) => call<Certificate>('PUT', `/certificates/${seg(id)}/certificate`, { certificate }),
  install: (id: string) => call<void>('POST', `/certificates/${seg(id)}/install`),
  remove: (id: string) => call<void>('DELETE', `/certificates/${seg(id)}`),
};

export const ROOT_URL = '/api/v1/certificates/root';
export const requestUrl = (id: string): string => `/api/v1/certificates/${seg(id)}/request`;
export const certificateUrl = (id: string): string => `/api/v1/certificates/${seg(id)}/certificate`;
