import { createClient, type DockboxClient, DockboxError, unwrap } from 'dockbox-client';
import { heedClock } from './clock.js';

export { DockboxError, unwrap };

/** The service that this page comes from. The browser keeps who is signed in, in a cookie that no script can read. */
export const service: DockboxClient = clientFor();

/** The same for the bearer of a share. */
export function clientFor(token?: string): DockboxClient {
  return createClient({
    baseUrl: new URL('.', location.href).href,
    token,
    fetch: async (request) => {
      const response = await fetch(request);
      heedClock(response);
      return response;
    },
  });
}

/** What went wrong, in the service's own words where there are any. */
export function wordsOf(error: unknown): string {
  if (error instanceof DockboxError && error.code === 'UNREACHABLE') {
    return navigator.onLine ? 'The service does not answer.' : 'This device is offline.';
  }
  return error instanceof Error ? error.message : 'Something went wrong: reload this page.';
}
