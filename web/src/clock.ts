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
  // An answer's time is in whole seconds: what is within one of it is left alone, or a countdown would jump.
  const ms = Date.parse(headers.get('date') ?? '') + 500 - Date.now();
  if (Math.abs(ms - aheadMs) > 1000) aheadMs = ms;
}
