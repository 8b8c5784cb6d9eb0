import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Scope } from '../test/helpers/scope.js';
import { openSdkTerminal, type SdkTerminal } from '../test/helpers/sdk.js';

/** Between two keystrokes, in ms: faster than people type, so that there is always one on its way. */
const KEY_MS = 50;

type Options = {
  /** The service's address. */
  base: string;
  box: string;
  number: number;
};

/** What became of what one typist has typed. */
export type Outcome = {
  typed: number;
  /** Keystrokes that are not in the file, or are in it where they should not be. */
  lost: number;
  disordered: boolean;
  /** Keystrokes of which the client was told that they may not have arrived. */
  told: number;
  shellLost: boolean;
  /** How long each absence was, from the close until it was connected again, in ms. */
  awayMs: number[];
  /** How the terminal ended, when it did so by itself. */
  ended?: string;
};

/**
 * Somebody who types numbered lines without a pause, a key at a time, into a program that appends them to a file. The
 * terminal is that of the client package, which connects again by itself and types nothing twice.
 */
export class Typist {
  /** Its terminal's. */
  readonly name: string;
  readonly #terminal: SdkTerminal;
  readonly #file: string;
  readonly #number: number;
  readonly #typing: Promise<void>;
  #text = '';
  #told = 0;
  #awayMs: number[] = [];
  #leaving = false;
  #ended: string | undefined;

  private constructor(terminal: SdkTerminal, number: number) {
    this.name = nameOf(number);
    this.#terminal = terminal;
    this.#number = number;
    this.#file = fileOf(number);
    let since = 0;
    terminal.on('disconnected', ({ attempt, unconfirmedBytes }) => {
      this.#told += unconfirmedBytes;
      if (attempt === 1) since = performance.now();
    });
    terminal.on('discarded', ({ bytes }) => {
      this.#told += bytes;
    });
    terminal.on('connected', ({ again }) => {
      if (again) this.#awayMs.push(performance.now() - since);
    });
    void terminal.ended.then(({ code, reason }) => {
      if (!this.#leaving) this.#ended = `${code} ${reason}`;
    });
    this.#typing = this.#type();
  }

  /** Begins to type. */
  static async start(t: Scope, { base, box, number }: Options): Promise<Typist> {
    const terminal = openSdkTerminal(t, { base }, { box, terminal: nameOf(number) });
    terminal.write(`same=${number}; echo be""gun; cat >/workspace/${fileOf(number)}\r`);
    await terminal.shows(/begun/);
    return new Typist(terminal, number);
  }

  /** Waits until it was away and is back, if it was not already. */
  async moved(): Promise<void> {
    if (this.#awayMs.length === 0) await this.#terminal.next('connected');
  }

  async #type(): Promise<void> {
    for (let line = 1; !this.#leaving && !this.#ended; line += 1) {
      for (const key of `${String(line).padStart(6, '0')}\r`) {
        if (this.#terminal.write(key)) this.#text += key;
        await delay(KEY_MS);
      }
    }
  }

  /**
   * Ends its last line and looks what has come of all.
   * @param directory of the box's files
   */
  async leave(directory: string): Promise<Outcome> {
    this.#leaving = true;
    await this.#typing;
    let shellLost = this.#ended !== undefined;
    if (!shellLost) {
      // The end of the file, then whether that was the shell that began it.
      this.#terminal.write(`\x04echo "is-$same-"\r`);
      const is = new RegExp(`is-(${this.#number})?-`);
      await this.#terminal.shows(is);
      shellLost = is.exec(this.#terminal.output())?.[1] === undefined;
    }
    this.#terminal.close();
    const arrived = await readFile(`${directory}/${this.#file}`, 'utf8').catch(() => '');
    const typed = this.#text.replaceAll('\r', '\n');
    return {
      typed: typed.length,
      ...compare(typed, arrived),
      told: this.#told,
      shellLost,
      awayMs: this.#awayMs,
      ...(this.#ended && { ended: this.#ended }),
    };
  }
}

const nameOf = (number: number) => `typist-${number}`;
const fileOf = (number: number) => `typed-${number}`;

/** Counts what is missing in a copy that should be the same. */
export function compare(typed: string, arrived: string): { lost: number; disordered: boolean } {
  let at = 0;
  for (const key of typed) if (key === arrived[at]) at += 1;
  // What is left over came twice, or in another order.
  return { lost: typed.length - at, disordered: at < arrived.length };
}
