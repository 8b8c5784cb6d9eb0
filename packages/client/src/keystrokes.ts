/** The largest frame of keystrokes, in bytes; the service refuses those above 1 MiB. */
const FRAME_BYTES = 16 * 1024;
/** How often a socket is asked whether it takes more, in ms: there is no event of it. */
const POLL_MS = 10;

/** What keystrokes are sent by. */
export type Sink = { takesMore(): boolean; send(bytes: Uint8Array): void };

/** What was typed and is not sent yet: bounded, in order, and counted. */
export class Keystrokes {
  readonly #maxBytes: number;
  #waiting: Uint8Array[] = [];
  #bytes = 0;
  #unconfirmed = 0;
  #sink: Sink | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #onDrain: (() => void)[] = [];

  /** @param maxBytes how many bytes may wait */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** How many bytes wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @returns whether they were taken: all of them or, when too much waits, none */
  add(keys: Uint8Array): boolean {
    if (this.#bytes + keys.length > this.#maxBytes) return false;
    this.#waiting.push(keys);
    this.#bytes += keys.length;
    this.#pump();
    return true;
  }

  /** Begins to send, also what waits. */
  attach(sink: Sink): void {
    this.#sink = sink;
    this.#pump();
  }

  /** The other side has shown something: what was sent before has arrived, as far as can be known. */
  confirm(): void {
    this.#unconfirmed = 0;
  }

  /** Sends no more. @returns how many bytes were sent since the last {@link confirm}, and may not have arrived */
  detach(): number {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sink = undefined;
    const unconfirmed = this.#unconfirmed;
    this.#unconfirmed = 0;
    return unconfirmed;
  }

  /** Forgets what waits. @returns how many bytes that was */
  clear(): number {
    const bytes = this.#bytes;
    this.#waiting = [];
    this.#bytes = 0;
    this.#tellDrained();
    return bytes;
  }

  /** Resolves when nothing waits. */
  drained(): Promise<void> {
    if (this.#bytes === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onDrain.push(resolve));
  }

  #pump(): void {
    const sink = this.#sink;
    if (!sink || this.#timer !== undefined) return;
    for (let keys = this.#waiting[0]; keys; keys = this.#waiting[0]) {
      if (!sink.takesMore()) {
        this.#timer = setTimeout(() => {
          this.#timer = undefined;
          this.#pump();
        }, POLL_MS);
        return;
      }
      const frame = keys.subarray(0, FRAME_BYTES);
      if (frame.length === keys.length) this.#waiting.shift();
      else this.#waiting[0] = keys.subarray(FRAME_BYTES);
      this.#bytes -= frame.length;
      this.#unconfirmed += frame.length;
      sink.send(frame);
    }
    this.#tellDrained();
  }

  #tellDrained(): void {
    const listeners = this.#onDrain;
    this.#onDrain = [];
    for (const listener of listeners) listener();
  }
}
