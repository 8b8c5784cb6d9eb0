import { signal } from '@preact/signals';

/** By how much the service's clock is ahead of this machine's, in ms. */
let aheadMs = 0;

/** The service's time, in ms since 1970, once a second. */
export const now = signal(Date.now());

setInterval(() => {
  now.value = Date.now() + aheadMs;
}, 1000);

/** Takes the service's time from an answer; a countdown by this machine's own clock could be off by any amount. */
export function heedClock({ headers }: Response): void {
  const time = Date.parse(headers.get('date') ?? '');
  // An answer's time is in whole seconds.
  if (!Number.isNaN(time)) aheadMs = time + 500 - Date.now();
}
