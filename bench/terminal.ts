import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import WebSocket from 'ws';
import { type BareEngine, shell } from './bare-engine.js';

/** Most that a client of dockbox keeps waiting to be sent, in bytes: as much as a socket of Node's does. */
const HIGH_WATER_BYTES = 64 * 1024;

/** A prompt of the base image's shell, at the end of what a terminal has shown. */
const PROMPT = /[#$] $/;

/** One end of a terminal as a client has it, with nothing in the way that would be measured too. */
export interface Terminal {
  /** Gets the output. */
  onOutput: (chunk: Buffer) => void;
  /** @returns whether more may be sent at once; if not, {@link drained} tells when */
  write(data: Buffer | string): boolean;
  drained(): Promise<unknown>;
  pause(): void;
  resume(): void;
  close(): void;
}

/** A terminal by way of a WebSocket whose frames are keystrokes one way and output the other. */
export class SocketTerminal implements Terminal {
  onOutput: (chunk: Buffer) => void = () => {};
  readonly socket: WebSocket;
  /** Rejects when the connection ends before {@link close}. */
  readonly failure: Promise<never>;
  #sent = () => {};

  constructor(address: string) {
    this.socket = new WebSocket(address, { perMessageDeflate: false });
    this.socket.on('message', (data: Buffer) => this.onOutput(data));
    this.failure = once(this.socket, 'close').then(([code, reason]) =>
      Promise.reject(new Error(`The terminal closed with ${code}: ${reason}`)),
    );
    this.failure.catch(() => {});
  }

  write(data: Buffer | string): boolean {
    this.socket.send(data, () => this.#sent());
    return this.socket.bufferedAmount < HIGH_WATER_BYTES;
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#sent = () => {
        if (this.socket.bufferedAmount < HIGH_WATER_BYTES) resolve();
      };
      this.#sent();
    });
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  close(): void {
    this.socket.terminate();
  }
}

/** A terminal by way of dockbox. */
export class BoxTerminal extends SocketTerminal {
  /** @param name of a held terminal; a shell of its own without one */
  constructor(base: string, id: string, name = '') {
    super(`${base.replace('http', 'ws')}/v1/dockbox/ws/${id}?terminal=${name}`);
  }
}

/** A terminal straight from the engine: the floor, below which no server in between can be. */
export class BareTerminal implements Terminal {
  onOutput: (chunk: Buffer) => void = () => {};
  readonly #stream: Duplex;

  /** @param stream of a shell's keystrokes and output */
  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on('data', (chunk: Buffer) => this.onOutput(chunk));
    stream.on('error', () => {});
  }

  /** Starts the shell that dockbox would, on a TTY, in a running container. */
  static async open(engine: BareEngine, container: string): Promise<BareTerminal> {
    return new BareTerminal(await engine.exec(container, shell));
  }

  write(data: Buffer | string): boolean {
    return this.#stream.write(data);
  }

  drained(): Promise<unknown> {
    return once(this.#stream, 'drain');
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  /** Waits for the shell's end. */
  async ended(): Promise<void> {
    if (!this.#stream.readableEnded) await once(this.#stream, 'end');
    this.#stream.destroy();
  }

  close(): void {
    this.#stream.destroy();
  }
}

/** Waits until the terminal has shown, since it was called, what the pattern matches. */
export function shows(terminal: Terminal, pattern: RegExp): Promise<void> {
  let text = '';
  return new Promise((resolve) => {
    terminal.onOutput = (chunk) => {
      text = (text + chunk.toString('latin1')).slice(-4096);
      if (!pattern.test(text)) return;
      terminal.onOutput = () => {};
      resolve();
    };
  });
}

export const showsPrompt = (terminal: Terminal) => shows(terminal, PROMPT);
