/** How long output of a program that goes on writing waits for more, in ms. */
const GATHER_MS = 1;
/** As much as one read from the engine gives: more of it is not waited for, in bytes. */
const FULL_BYTES = 64 * 1024;

/**
 * Joins the output of a program that writes without pause to larger frames. The engine passes a TTY's output on by the
 * 4 KB or the line, and each frame costs server and client more than its bytes do. What comes after a pause, or after
 * something was typed, goes out at once: it is what a person waits for.
 */
export class Gather {
  readonly #send: (output: Buffer) => void;
  #parts: Buffer[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #sentAt = 0;
  #isAwaited = true;

  constructor(send: (output: Buffer) => void) {
    this.#send = send;
  }

  /** Says that something was typed, which the next output will answer. */
  typed(): void {
    this.#isAwaited = true;
  }

  push(chunk: Buffer): void {
    this.#parts.push(chunk);
    this.#bytes += chunk.length;
    const isDue = this.#isAwaited || performance.now() - this.#sentAt >= GATHER_MS;
    if (isDue || this.#bytes >= FULL_BYTES) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), GATHER_MS);
  }

  /** Sends what is there, without waiting for more. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const [first, ...others] = this.#parts;
    if (!first) return;
    const output = others.length > 0 ? Buffer.concat(this.#parts, this.#bytes) : first;
    this.#parts = [];
    this.#bytes = 0;
    this.#isAwaited = false;
    this.#sentAt = performance.now();
    this.#send(output);
  }
}
