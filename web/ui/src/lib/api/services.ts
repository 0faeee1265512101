/** What the services of the machine really do (docs/reference/web-api/services.md). */
import { call } from '../http';

export interface ServicesState {
  ssh: { unit: string | null; running: boolean; enabled: boolean; error: string | null; fixed: string | null };
  gateway: { address?: string; interface?: string; neighbour: { mac: string; permanent: boolean } | null; fixed: string | null };
  dot1x: { state: 'off' | 'waiting' | 'authenticated' | 'failed'; reason?: string; fixed: string | null };
}

export const services = {
  state: () => call<ServicesState>('GET', '/services'),
};

/** Asks at once and every five seconds, until the returned function is called. */
export function watchServices(take: (state: ServicesState) => void): () => void {
  const look = () => services.state().then(take, () => undefined);
  void look();
  const timer = window.setInterval(look, 5000);
  return () => clearInterval(timer);
}
