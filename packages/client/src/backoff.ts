/** The first wait before connecting again is random up to this, in ms; each further one up to twice as much. */
const BASE_MS = 500;
/** The most that a wait is, in ms. */
const CAP_MS = 5000;

/**
 * How long to wait before an attempt to connect again, in ms. "Full jitter", so that the clients of a server that went away
 * don't all come at once (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 * @param attempt from 0
 */
export function backoffMs(attempt: number): number {
  return Math.random() * Math.min(CAP_MS, BASE_MS * 2 ** attempt);
}
