import { once } from 'node:events';
import xterm from '@xterm/headless';
import WebSocket from 'ws';
import type { Service } from './client.js';
import type { Scope } from './scope.js';

/** After how long a wait is in vain, in ms: then it is told what is on the screen. */
const PATIENCE_MS = 60_000;

type Options = { cols?: number; rows?: number; query?: Record<string, string>; protocol?: string };

/** A client with a terminal emulator, as a browser has one: what it shows is what a person would see. */
export class Screen {
  readonly socket: WebSocket;
  readonly emulator: xterm.Terminal;
  readonly closed: Promise<{ code: number; reason: string }>;

  constructor(socket: WebSocket, cols: number, rows: number) {
    this.socket = socket;
    this.emulator = new xterm.Terminal({ cols, rows, scrollback: 20_000, allowProposedApi: true });
    this.closed = once(socket, 'close').then(([code, reason]) => ({ code, reason: String(reason) }));
    this.closed.catch(() => {});
    socket.on('message', (data: Buffer) => this.emulator.write(data));
    // The emulator's own answers, to programs that ask it.
    this.emulator.onData((answer) => {
      if (socket.readyState === socket.OPEN) socket.send(answer);
    });
  }

  type(keys: string): void {
    this.socket.send(keys);
  }

  /** The lines on the screen, without trailing blanks. */
  get lines(): string[] {
    const { baseY } = this.emulator.buffer.active;
    return this.#lines(baseY, baseY + this.emulator.rows);
  }

  /** The lines that have scrolled out of the screen. */
  get history(): string[] {
    return this.#lines(0, this.emulator.buffer.active.baseY);
  }

  /** Waits until the screen shows what the pattern matches. @returns its text */
  async shows(pattern: RegExp): Promise<string> {
    return this.until(() => pattern.test(this.lines.join('\n')));
  }

  /** Waits until something about it is so. @returns the screen's text */
  until(condition: () => boolean): Promise<string> {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (!condition()) return;
        clearTimeout(late);
        parsed.dispose();
        resolve(this.lines.join('\n'));
      };
      const late = setTimeout(
        () => reject(new Error(`This is not what was waited for:\n${this.lines.join('\n')}`)),
        PATIENCE_MS,
      );
      const parsed = this.emulator.onWriteParsed(check);
      void this.closed.then(({ code, reason }) =>
        reject(
          new Error(`The terminal closed with ${code} (${reason}); it showed:\n${this.lines.join('\n')}`),
        ),
      );
      check();
    });
  }

  /** Leaves, as a closed tab does. */
  async leave(): Promise<void> {
    this.socket.close();
    await this.closed;
  }

  #lines(from: number, to: number): string[] {
    const { active } = this.emulator.buffer;
    return Array.from(
      { length: to - from },
      (_, index) =>
        active
          .getLine(from + index)
          ?.translateToString()
          .trimEnd() ?? '',
    );
  }
}

/** Connects an emulator to a box's held terminal; the end of the test cuts it off. */
export async function openScreen(
  t: Scope,
  { base }: Service,
  id: string,
  { cols = 80, rows = 24, query = {}, protocol }: Options = {},
): Promise<Screen> {
  const search = new URLSearchParams({ cols: String(cols), rows: String(rows), ...query });
  const address = `${base.replace('http', 'ws')}/v1/dockbox/ws/${id}?${search}`;
  const socket = new WebSocket(address, protocol ? [protocol] : []);
  t.teardown(() => socket.terminate());
  const screen = new Screen(socket, cols, rows);
  await once(socket, 'open');
  return screen;
}
