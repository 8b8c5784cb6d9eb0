import { backoffMs } from './backoff.js';
import type { DockboxClient } from './client.js';
import { Emitter } from './emitter.js';
import { keysFrame, PROTOCOL, parseFrame, sizeFrame } from './framing.js';
import { Keystrokes } from './keystrokes.js';
import { look } from './look.js';
import {
  cutOff,
  OPEN,
  pauseSocket,
  resumeSocket,
  type Socket,
  type SocketConstructor,
  socketConstructor,
  watch,
} from './socket.js';
import type { TerminalEnd, TerminalEvents, TerminalOptions } from './terminal-types.js';

/** Close codes after which the terminal can be had again, from this server or another (RFC 6455, IANA's registry). */
const PASSING = new Set([1005, 1006, 1012, 1013, 1014]);
/** A connection that lasted this long, in ms, was a good one: the next breaks begin with short waits. */
const STABLE_MS = 10_000;
/** How long a closing handshake may take, in ms. */
const CLOSE_TIMEOUT_MS = 1000;

/** How long connecting may take, in ms. */
const CONNECT_TIMEOUT_MS = 15_000;
/** Bytes that may wait in a socket; the others wait where they can be told from what was sent. */
const SOCKET_BYTES = 64 * 1024;

const DEFAULT_PATIENCE_MS = 600_000;
const DEFAULT_WAITING_BYTES = 1024 * 1024;

/** Connects to a terminal of a box. Listen for its events at once; {@link Terminal.ended} tells of failures, too. */
export function openTerminal(client: DockboxClient, options: TerminalOptions): Terminal {
  return new Terminal(client, options);
}

/** A connection to a terminal, which is made again when it breaks. */
export class Terminal {
  /** Resolves at the end; it does not reject. */
  readonly ended: Promise<TerminalEnd>;
  readonly #client: DockboxClient;
  readonly #options: TerminalOptions;
  readonly #isHeld: boolean;
  #size: { cols: number; rows: number };
  readonly #WebSocket: SocketConstructor;
  readonly #keystrokes: Keystrokes;
  readonly #events = new Emitter<TerminalEvents>();
  #resolve!: (end: TerminalEnd) => void;
  #socket: Socket | undefined;
  #state: 'connecting' | 'connected' | 'away' | 'ended' = 'connecting';
  #stopWatch = () => {};
  #exitStatus: number | undefined;
  /** Undefined until there was a connection. */
  #connectedAt: number | undefined;
  #awaySince = 0;
  #attempt = 0;
  /** Whether the shell that was typed for is still there, as far as is known. */
  #isShellKept = true;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @throws {TypeError} when the platform has no WebSocket and none was given */
  constructor(client: DockboxClient, options: TerminalOptions) {
    const { terminal, cols = 80, rows = 24, maxWaitingBytes = DEFAULT_WAITING_BYTES } = options;
    this.#client = client;
    this.#options = options;
    this.#isHeld = terminal !== '';
    this.#size = { cols, rows };
    this.#WebSocket = socketConstructor(options.WebSocket);
    this.#keystrokes = new Keystrokes(maxWaitingBytes);
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#connect();
  }

  get isConnected(): boolean {
    return this.#state === 'connected';
  }

  get hasEnded(): boolean {
    return this.#state === 'ended';
  }

  /** How many bytes that were typed wait to be sent. */
  get waitingBytes(): number {
    return this.#keystrokes.bytes;
  }

  /** @returns a function that ends this */
  on<Name extends keyof TerminalEvents>(
    name: Name,
    listener: (event: TerminalEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener);
  }

  /**
   * Types. What is typed while the connection is away waits, and is sent when it is back.
   * @returns whether it was taken: false when too much waits (see {@link drained}), or nothing can be typed here
   */
  write(keys: string | Uint8Array): boolean {
    if (this.#state === 'ended' || this.#options.readonly) return false;
    return this.#keystrokes.add(typeof keys === 'string' ? new TextEncoder().encode(keys) : keys.slice());
  }

  /** Resolves when all that was typed has been sent, or never will be. */
  drained(): Promise<void> {
    return this.#keystrokes.drained();
  }

  /** Tells how large the window is. */
  resize(cols: number, rows: number): void {
    this.#size = { cols, rows };
    if (this.#state === 'connected') this.#socket?.send(sizeFrame(cols, rows));
  }

  /** Holds back output, where the platform's WebSocket can: that of `ws` can, browsers' can't. */
  pause(): void {
    if (this.#socket) pauseSocket(this.#socket);
  }

  resume(): void {
    if (this.#socket) resumeSocket(this.#socket);
  }

  /** Tries to connect now rather than later, when it waits for that: the network may just have come back. */
  retryNow(): void {
    if (this.#state !== 'away') return;
    this.#attempt = 0;
    // Otherwise it is trying already.
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    void this.#connectAgain();
  }

  /** Leaves. A held terminal lives on. */
  close(): void {
    const socket = this.#socket;
    this.#end({ code: 1000, reason: 'The terminal was left.' });
    if (!socket) return;
    this.#timer = setTimeout(() => cutOff(socket), CLOSE_TIMEOUT_MS);
    // What is paused would not hear the other side's answer.
    resumeSocket(socket);
    socket.close(1000);
  }

  #connect(): void {
    const {
      box,
      terminal = 'main',
      readonly = false,
      history = 1000,
      historyAgain = history,
    } = this.#options;
    const query = new URLSearchParams({
      terminal,
      cols: String(this.#size.cols),
      rows: String(this.#size.rows),
      history: String(this.#connectedAt === undefined ? history : historyAgain),
      readonly: String(readonly),
    });
    const base = this.#client.baseUrl.replace(/^http/, 'ws');
    const url = `${base}/v1/dockbox/ws/${encodeURIComponent(box)}?${query}`;
    const socket = new this.#WebSocket(url, [PROTOCOL, ...this.#client.credentials]);
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    const late = setTimeout(() => cutOff(socket), CONNECT_TIMEOUT_MS);
    socket.onopen = () => {
      clearTimeout(late);
      this.#onOpen(socket);
    };
    socket.onmessage = ({ data }) => this.#onFrame(new Uint8Array(data));
    // A close follows, and tells as much.
    socket.onerror = () => {};
    socket.onclose = ({ code, reason }) => {
      clearTimeout(late);
      this.#onClose(code, reason);
    };
  }

  #onOpen(socket: Socket): void {
    const again = this.#connectedAt !== undefined;
    this.#state = 'connected';
    this.#connectedAt = Date.now();
    this.#stopWatch = watch(socket);
    this.#events.emit('connected', { again });
    if (!this.#isShellKept) {
      const bytes = this.#keystrokes.clear();
      if (bytes > 0) this.#events.emit('discarded', { bytes });
      this.#isShellKept = true;
    }
    this.#keystrokes.attach({
      takesMore: () => socket.readyState === OPEN && socket.bufferedAmount < SOCKET_BYTES,
      send: (bytes) => socket.send(keysFrame(bytes)),
    });
  }

  #onFrame(frame: Uint8Array): void {
    const message = parseFrame(frame);
    if (!message || this.#state === 'ended') return;
    this.#keystrokes.confirm();
    if ('output' in message) this.#events.emit('output', message.output);
    else this.#exitStatus = message.exitStatus;
  }

  #onClose(code: number, reason: string): void {
    clearTimeout(this.#timer);
    if (this.#state === 'ended') return;
    const wasConnected = this.#state === 'connected';
    this.#socket = undefined;
    this.#stopWatch();
    const unconfirmedBytes = this.#keystrokes.detach();
    if (wasConnected) {
      const now = Date.now();
      if (this.#attempt === 0 || now - (this.#connectedAt ?? 0) > STABLE_MS) {
        this.#attempt = 0;
        this.#awaySince = now;
      }
      const isPassing = PASSING.has(code) && this.#isHeld;
      if (isPassing) this.#wait(reason || 'The connection was lost.', unconfirmedBytes);
      else this.#end({ code, reason: reason || 'The connection was lost.' }, unconfirmedBytes);
    } else if (this.#state === 'away') this.#wait('The connection could not be made.');
    else void this.#endRefused();
  }

  /** Waits before the next attempt, or gives up. */
  #wait(reason: string, unconfirmedBytes = 0): void {
    const { patienceMs = DEFAULT_PATIENCE_MS } = this.#options;
    if (Date.now() - this.#awaySince >= patienceMs) {
      this.#end({ code: 1006, reason: `${reason} It did not come back.` }, unconfirmedBytes);
      return;
    }
    this.#state = 'away';
    const retryMs = backoffMs(this.#attempt);
    this.#attempt += 1;
    this.#timer = setTimeout(() => void this.#connectAgain(), retryMs);
    this.#events.emit('disconnected', { reason, retryMs, attempt: this.#attempt, unconfirmedBytes });
  }

  async #connectAgain(): Promise<void> {
    this.#timer = undefined;
    const outlook = await look(this.#client, this.#options.box);
    if (this.#state !== 'away') return;
    if (outlook.isFinal) this.#end({ code: 1006, ...outlook });
    else if (!outlook.hasBox) this.#wait(outlook.reason);
    else {
      this.#isShellKept &&= outlook.isRunning;
      this.#connect();
    }
  }

  async #endRefused(): Promise<void> {
    const outlook = await look(this.#client, this.#options.box);
    this.#end({ code: 1006, ...outlook });
  }

  #end(
    {
      code,
      reason,
      statusCode,
      isFinal = false,
    }: Pick<TerminalEnd, 'code' | 'reason'> & Partial<TerminalEnd>,
    unconfirmedBytes = 0,
  ): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    clearTimeout(this.#timer);
    this.#stopWatch();
    this.#keystrokes.detach();
    const undeliveredBytes = this.#keystrokes.clear() + (PASSING.has(code) ? unconfirmedBytes : 0);
    const exitStatus = this.#exitStatus;
    this.#resolve({
      code,
      reason,
      isFinal,
      undeliveredBytes,
      ...(exitStatus !== undefined && { exitStatus }),
      ...(statusCode && { statusCode }),
    });
  }
}
