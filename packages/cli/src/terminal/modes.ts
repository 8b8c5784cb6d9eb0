/** DEC private modes that are set in a terminal that nobody has changed: autowrap and the cursor's visibility. */
const SET_AT_FIRST = [7, 25];
/** Programs use a dozen; what pretends to use more is up to no good. */
const MAX_MODES = 64;
/** Longer than any sequence that matters here, in bytes. */
const MAX_SEQUENCE = 32;

const ESC = 0x1b;
const BRACKET = 0x5b;

/**
 * Follows what programs change of a terminal, for who has to undo it when they can't: mouse reporting, bracketed paste, the
 * alternate screen, a hidden cursor
 * (https://invisible-island.net/xterm/ctlseqs/ctlseqs.html).
 */
export class Modes {
  readonly #set = new Set<number>();
  readonly #reset = new Set<number>();
  #hasKeyboard = false;
  /** The control sequence that has begun; undefined outside of one, empty after an ESC. */
  #sequence: string | undefined;

  see(output: Uint8Array): void {
    for (const byte of output) {
      if (byte === ESC) this.#sequence = '';
      else if (this.#sequence !== undefined) this.#next(byte);
    }
  }

  /** The text that undoes it. */
  undo(): string {
    const off = [...this.#set].filter((mode) => !SET_AT_FIRST.includes(mode));
    // The alternate screen goes last: it brings back the cursor, and what else was saved.
    off.sort((a, b) => Number(isScreen(a)) - Number(isScreen(b)));
    const on = [...this.#reset].filter((mode) => SET_AT_FIRST.includes(mode));
    const keyboard = this.#hasKeyboard ? '\x1b[>4;0m\x1b[<99u' : '';
    const modes = [...off.map((mode) => `\x1b[?${mode}l`), ...on.map((mode) => `\x1b[?${mode}h`)];
    // The scroll region, whose change moves the cursor; colours; the character set; the keypad.
    return `\x1b7\x1b[r\x1b8\x1b[0m\x1b(B\x0f\x1b>${keyboard}${modes.join('')}`;
  }

  #next(byte: number): void {
    const sequence = this.#sequence ?? '';
    if (sequence === '') {
      this.#sequence = byte === BRACKET ? '[' : undefined;
      return;
    }
    const isFinal = byte >= 0x40 && byte <= 0x7e;
    if (!isFinal) {
      this.#sequence = sequence.length < MAX_SEQUENCE ? sequence + String.fromCharCode(byte) : undefined;
      return;
    }
    this.#sequence = undefined;
    this.#apply(sequence.slice(1), String.fromCharCode(byte));
  }

  #apply(parameters: string, final: string): void {
    // modifyOtherKeys, and the kitty keyboard protocol.
    if (parameters.startsWith('>') && (final === 'm' || final === 'u')) this.#hasKeyboard = true;
    if (!/^\?[\d;]+$/.test(parameters) || (final !== 'h' && final !== 'l')) return;
    const [to, from] = final === 'h' ? [this.#set, this.#reset] : [this.#reset, this.#set];
    for (const mode of parameters.slice(1).split(';').map(Number)) {
      from.delete(mode);
      if (to.size < MAX_MODES) to.add(mode);
    }
  }
}

const isScreen = (mode: number) => [47, 1047, 1048, 1049].includes(mode);
