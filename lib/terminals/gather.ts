/** How long output of a program that goes on writing waits for more, in ms. */
const GATHER_MS = 1;
/** How many frames go out at once after a pause, whatever comes between: what is brief, such as a prompt, comes in a few. */
const EAGER_FRAMES = 4;
const PAUSE_MS = 10;
/** As much as one read from the engine gives: more of it is not waited for, in bytes. */
const FULL_BYTES = 64 * 1024;

/**
 * Joins the output of a program that writes without pause to larger frames. The engine passes a TTY's output on by the
 * 4 KB or the line, and each frame costs server and client more than its bytes do. What comes first after a pause, or after
 * something was typed, goes out at once: it is what a person waits for.
 */
export class Gather {
  readonly #send: (output: Buffer) => void;
  #parts: Buffer[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #sentAt = 0;
  #eagerFrames = EAGER_FRAMES;

  constructor(send: (output: Buffer) => void) {
    this.#send = send;
  }

  /** Says that something was typed, which the next output will answer. */
  typed(): void {
    this.#eagerFrames = EAGER_FRAMES;
  }

  push(chunk: Buffer): void {
    this.#parts.push(chunk);
    this.#bytes += chunk.length;
    const quietMs = performance.now() - this.#sentAt;
    if (quietMs >= PAUSE_MS) this.#eagerFrames = EAGER_FRAMES;
    if (this.#eagerFrames > 0 || quietMs >= GATHER_MS || this.#bytes >= FULL_BYTES) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), GATHER_MS);
  }

  /** Sends what is there, without waiting for more. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const [first] = this.#parts;
    if (!first) return;
    const output = this.#parts.length > 1 ? Buffer.concat(this.#parts, this.#bytes) : first;
    this.#parts = [];
    this.#bytes = 0;
    if (this.#eagerFrames > 0) this.#eagerFrames--;
    this.#sentAt = performance.now();
    this.#send(output);
  }
}
