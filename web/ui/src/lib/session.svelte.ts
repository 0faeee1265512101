/** Who is logged in, and what the device says about itself. */
import { ApiError, api, type DeviceInfo, type SectionSummary, type SessionInfo } from './api';
import { useSession } from './http';

class Session {
  /** null while unknown. */
  device = $state<DeviceInfo | null>(null);
  current = $state<SessionInfo | null>(null);
  /** Set when the device could not be reached at start. */
  unreachable = $state(false);
  /** Why the last session ended, shown once on the login page. */
  ended = $state<'' | 'expired' | 'logout'>('');
  private leaving = false;

  /** Name and place changed: the title bar follows. */
  async refreshDevice(): Promise<void> {
    this.device = await api.device().catch(() => this.device);
  }

  private summaries: Promise<SectionSummary[]> | null = null;

  constructor() {
    useSession({
      csrf: () => this.current?.csrf ?? '',
      unauthorised: () => this.end('expired'),
      // While somebody works: the page leads to the change of the password (AUTH-8).
      expired: () => {
        if (this.current && !this.current.password_expired) this.current = { ...this.current, password_expired: true };
      },
    });
  }

  async load(): Promise<void> {
    try {
      this.device = await api.device();
      this.unreachable = false;
      // The serial number is only told to a logged-in user: no request that is bound to be refused.
      this.current = this.device.serial === undefined ? null : await api.session();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.current = null;
      else this.unreachable = true;
    }
  }

  /** After login and initialisation. */
  async begin(session: SessionInfo): Promise<void> {
    this.ended = '';
    // First: pages begin with what the model has, and only a logged-in user is told all of it. The name in the title
    // bar is not worth an error; pages report their own.
    const device = await api.device().catch(() => this.device);
    this.device = device;
    this.current = session;
  }

  async logout(): Promise<void> {
    this.leaving = true;
    try {
      await api.logout();
    } finally {
      this.end('logout');
      this.leaving = false;
    }
  }

  end(reason: 'expired' | 'logout'): void {
    if (!this.current) return;
    this.current = null;
    this.summaries = null;
    // The event socket may tell of the end before the answer to the logout is here.
    this.ended = this.leaving ? 'logout' : reason;
  }

  /** The settings sections this user sees, asked once a session. */
  sections(): Promise<SectionSummary[]> {
    this.summaries ??= api.sections().catch((error: unknown) => {
      this.summaries = null;
      throw error;
    });
    return this.summaries;
  }

  /** Whether this model does not have the function (GEN-24). */
  lacks(name: string): boolean {
    return this.device?.lacks?.includes(name) ?? false;
  }

  can(permission: string): boolean {
    return this.current?.permissions.includes(permission) ?? false;
  }
}

export const session = new Session();
