/** What a person can ask of this program rather than of the box. */
export type Escape = 'leave' | 'help';

export const ESCAPE_HELP = `\r
At the beginning of a line:\r
  ~.  leave; the terminal lives on\r
  ~?  print this\r
  ~~  type a tilde\r
`;

const ESCAPES: Record<string, Escape> = { '.': 'leave', '?': 'help' };

const TILDE = 0x7e;
const ESC = 0x1b;
const LINE_ENDS = new Set([0x0d, 0x0a]);

/** Takes escapes out of what is typed: a tilde at the beginning of a line, and a key, as ssh has them. */
export class Escapes {
  #isLineStart = true;
  #isTilde = false;

  /** @returns what is for the box, and the escape, after which nothing is */
  take(typed: Uint8Array): { keys: Uint8Array; escapes: Escape[] } {
    // A terminal's answers, special keys and what is pasted begin so, and are no beginning of a line nor its end.
    if (typed[0] === ESC && typed.length > 1) return { keys: typed, escapes: [] };
    const keys: number[] = [];
    const escapes: Escape[] = [];
    for (const byte of typed) {
      if (this.#isTilde) {
        this.#isTilde = false;
        const asked = ESCAPES[String.fromCharCode(byte)];
        if (asked === 'leave') return { keys: Uint8Array.from(keys), escapes: [...escapes, asked] };
        if (asked) {
          escapes.push(asked);
          continue;
        }
        keys.push(TILDE);
        this.#isLineStart = false;
        if (byte === TILDE) continue;
      } else if (this.#isLineStart && byte === TILDE) {
        this.#isTilde = true;
        continue;
      }
      keys.push(byte);
      this.#isLineStart = LINE_ENDS.has(byte);
    }
    return { keys: Uint8Array.from(keys), escapes };
  }
}
