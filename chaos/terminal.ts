import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import WebSocket from 'ws';
import { TerminalClient } from '../test/helpers/client.js';
import type { Replica } from './replica.js';

/** How long a handshake, or a shell that was given something to do, may keep a client waiting, in ms. */
const HANDSHAKE_MS = 10_000;
const SHELL_MS = 45_000;

/** What ended an attempt or a session, when it was not its client. */
export class Ended extends Error {
  /** The close code; the HTTP status of a handshake that was refused; 0 when nobody answered. */
  readonly code: number;

  constructor(code: number, reason: string) {
    super(reason);
    this.code = code;
  }
}

/** A person at a terminal: types one thing at a time and waits for its answer. */
export class Terminal {
  readonly replica: Replica;
  readonly #client: TerminalClient;
  readonly #closed: Promise<{ code: number; reason: string }>;

  private constructor(replica: Replica, client: TerminalClient) {
    this.replica = replica;
    this.#client = client;
    // A connection that breaks has no code.
    this.#closed = client.closed.catch((error: Error) => ({ code: 1006, reason: error.message }));
  }

  /**
   * Connects, and waits for a shell that answers.
   * @param name of a held terminal; a shell of its own without one
   * @throws {@link Ended}
   */
  static async open(replica: Replica, id: string, nonce: string, name = ''): Promise<Terminal> {
    const address = `${replica.base.replace('http', 'ws')}/v1/dockbox/ws/${id}?terminal=${name}`;
    const socket = new WebSocket(address, {
      handshakeTimeout: HANDSHAKE_MS,
      perMessageDeflate: false,
    });
    const terminal = new Terminal(replica, new TerminalClient(socket));
    await once(socket, 'open').catch((error: Error) => {
      throw new Ended(Number(/response: (\d+)/.exec(error.message)?.[1] ?? 0), error.message);
    });
    await terminal.run(`echo "<$((0x${nonce}))>"`, new RegExp(`<${Number.parseInt(nonce, 16)}>`));
    return terminal;
  }

  /**
   * Types a line and waits until its output shows.
   * @throws {@link Ended} when the connection ends before that
   */
  async run(line: string, output: RegExp): Promise<void> {
    this.#client.forget();
    this.#client.type(`${line}\r`);
    const clock = new AbortController();
    const late = delay(SHELL_MS, 'late', { signal: clock.signal }).catch(() => 'in time');
    try {
      const first = await Promise.race([this.#client.shows(output), late]);
      if (first !== 'late') return;
    } catch {
      const { code, reason } = await this.#closed;
      throw new Ended(code, reason);
    } finally {
      clock.abort();
    }
    this.cut();
    throw new Ended(0, `no answer to what was typed within ${SHELL_MS} ms`);
  }

  /** Does nothing, as long as the connection lasts. @throws {@link Ended} */
  async rest(ms: number): Promise<void> {
    const clock = new AbortController();
    const rested = delay(ms, undefined, { signal: clock.signal }).catch(() => undefined);
    const ending = await Promise.race([this.#closed, rested]);
    clock.abort();
    if (ending) throw new Ended(ending.code, ending.reason);
  }

  async close(): Promise<void> {
    this.#client.socket.close(1000);
    await this.#closed;
  }

  /** Types `exit`. @returns how the server closes then */
  async exit(): Promise<{ code: number; reason: string }> {
    this.#client.type('exit\r');
    const late = delay(SHELL_MS, { code: 0, reason: 'no close after the shell had exited' });
    const ending = await Promise.race([this.#closed, late]);
    this.cut();
    return ending;
  }

  /** Drops the TCP connection. */
  cut(): void {
    this.#client.socket.terminate();
  }

  /** Falls silent, as a laptop whose lid is closed, for long enough that the server drops it. */
  async fallSilent(ms: number): Promise<void> {
    const { _socket: socket } = this.#client.socket as unknown as { _socket: Socket };
    socket.pause();
    await delay(ms);
    this.cut();
  }
}
