import { errors } from '../errors.js';

/**
 * Ends a fetch that takes too long, or that its caller gives up: `signal` aborts with the error to report.
 * {@link clear} it when the fetch is over.
 */
export class Deadline {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #outer: AbortSignal | undefined;

  constructor(seconds: number, outer?: AbortSignal) {
    this.signal = this.#controller.signal;
    this.#outer = outer;
    const late = new errors.SourceUnavailable(`The source could not be fetched within ${seconds} seconds.`);
    this.#timer = setTimeout(() => this.#controller.abort(late), seconds * 1000);
    if (outer?.aborted) this.#giveUp();
    else outer?.addEventListener('abort', this.#giveUp);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener('abort', this.#giveUp);
  }

  readonly #giveUp = () => this.#controller.abort(this.#outer?.reason);
}

/** The outcome of `work`, or the signal's reason as soon as it aborts; then `work` goes on unheard. */
export async function whenAborted<Result>(signal: AbortSignal, work: Promise<Result>): Promise<Result> {
  let onAbort = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([aborted, work]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
