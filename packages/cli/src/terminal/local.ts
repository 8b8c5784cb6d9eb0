import { once } from 'node:events';
import os from 'node:os';
import { Modes } from './modes.js';

const { stdin, stdout, stderr } = process;

const SIGNALS = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT'] as const;

/** Undoes what was done to the one that is in use. */
let restore = () => {};

/** Undoes what was done to the terminal that this program runs in; does nothing when that is done. */
export const restoreLocalTerminal = () => restore();

/** The terminal that this program runs in: given to the box meanwhile, and afterwards as it was, whatever happens. */
export class LocalTerminal {
  readonly #modes = new Modes();
  readonly #onSignal = (signal: NodeJS.Signals) => process.exit(128 + os.constants.signals[signal]);
  readonly #onContinue = () => stdin.setRawMode(true);
  #isInUse = false;
  #onInput: (keys: Uint8Array) => void = () => {};

  get size(): { cols: number; rows: number } {
    // Where output is not to a terminal, what is typed into still has one's size.
    const screen = stdout.isTTY ? stdout : stderr;
    return { cols: screen.columns || 80, rows: screen.rows || 24 };
  }

  /** Passes on what is typed as it is, and has an empty screen: what was on it is in the terminal's history. */
  enter(onInput: (keys: Uint8Array) => void): void {
    restore = () => this.restore();
    this.#onInput = onInput;
    this.#isInUse = true;
    process.on('exit', restoreLocalTerminal);
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
    // A shell that had stopped this has taken the terminal's settings back.
    process.on('SIGCONT', this.#onContinue);
    stdin.setRawMode(true);
    stdin.on('data', this.#onInput).resume();
    // Programs in the box give the window a title: its own is kept.
    if (stdout.isTTY) stdout.write(`\x1b[22;2t${'\n'.repeat(this.size.rows)}\x1b[H`);
  }

  /** Shows what the box shows. @returns whether more can be shown at once; else {@link drained} tells when */
  show(output: Uint8Array): boolean {
    this.#modes.see(output);
    return stdout.write(output);
  }

  async drained(): Promise<void> {
    if (stdout.writableNeedDrain) await once(stdout, 'drain');
  }

  /** Tells a person something in the first line of the screen, where it stays until that is drawn over. */
  tell(text: string): void {
    if (!stdout.isTTY) stderr.write(`${text}\n`);
    else stdout.write(`\x1b7\x1b[1;1H\x1b[0;7m ${text.slice(0, this.size.cols - 2)} \x1b[0m\x1b[K\x1b8`);
  }

  restore(): void {
    if (!this.#isInUse) return;
    this.#isInUse = false;
    process.off('exit', restoreLocalTerminal);
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
    process.off('SIGCONT', this.#onContinue);
    stdin.off('data', this.#onInput).pause();
    // What is below the cursor is a part of a screen that nobody draws any more.
    if (stdout.isTTY) stdout.write(`${this.#modes.undo()}\x1b[23;2t\r\n\x1b[J`);
    stdin.setRawMode(false);
  }
}
