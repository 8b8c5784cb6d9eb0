const MAX_LINE_LENGTH = 400;
const MAX_LINES = 2000;
/** Git rewrites one line many times a second: one in so many milliseconds is passed on. */
const REWRITE_INTERVAL_MS = 1000;

/** A terminal's control sequences (ECMA-48). */
const CONTROL_SEQUENCE = /\p{Cc}\[[0-?]*[ -/]*[@-~]/gu;
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A text of others' as one line that is safe to show in a terminal: without what would steer that, and bounded. */
export function safeLine(text: string): string {
  return text.slice(0, MAX_LINE_LENGTH).replace(CONTROL_SEQUENCE, '').replace(INVISIBLE, '').trimEnd();
}

/**
 * Turns what tools and remote servers write into lines that are safe to show in a terminal: without control characters,
 * and bounded in length and number.
 */
export class ProgressLines {
  readonly #onLine: (line: string) => void;
  readonly #decoder = new TextDecoder();
  #rest = '';
  #count = 0;
  #rewrittenAt = 0;
  /** The last line that is not a measure of progress. */
  last = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  write(bytes: Uint8Array): void {
    this.#take(this.#decoder.decode(bytes, { stream: true }));
  }

  /** The last line, if it lacks its end. */
  end(): void {
    this.#take(`${this.#decoder.decode()}\n`);
  }

  #take(text: string): void {
    const parts = (this.#rest + text).split(/(?<=[\r\n])/);
    this.#rest = /[\r\n]$/.test(parts.at(-1) ?? '') ? '' : (parts.pop() ?? '').slice(0, MAX_LINE_LENGTH);
    for (const part of parts) this.#line(part);
  }

  #line(part: string): void {
    const line = safeLine(part);
    if (line === '') return;
    if (part.endsWith('\r')) {
      if (Date.now() - this.#rewrittenAt < REWRITE_INTERVAL_MS) return;
      this.#rewrittenAt = Date.now();
    } else {
      this.last = line;
    }
    if (this.#count++ < MAX_LINES) this.#onLine(line);
  }
}
