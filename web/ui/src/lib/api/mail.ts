/** The mail server (docs/reference/web-api/people.md). */
import { call } from '../http';

export const mail = {
  test: () => call<{ sent: boolean; millis?: number; error?: string }>('POST', '/mail/test', {}),
};
