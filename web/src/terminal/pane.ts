import { effect, signal } from '@preact/signals';
import { type DockboxClient, openTerminal, type Terminal, type TerminalEnd } from 'dockbox-client';
import { notify } from '../notice.js';
import { isDark } from '../theme.js';
import { Screen } from './screen.js';

/** How many lines that have left the screen are asked for, as many as the service gives. */
const HISTORY_LINES = 5000;
/** Between attempts when the first connection could not be made, in ms. */
const RETRY_MS = 3000;

export type PaneState =
  | { kind: 'connecting' }
  | { kind: 'connected' }
  /** Another attempt is made at `retryAt`, in ms since 1970 by this machine's clock; without one, when there is a network. */
  | { kind: 'away'; reason: string; retryAt?: number; attempt: number }
  | { kind: 'ended'; end: TerminalEnd };

export type PaneOptions = {
  client: DockboxClient;
  box: string;
  name: string;
  readonly?: boolean | undefined;
};

/** One terminal of a box in the page: an emulator, and the connection that it shows. */
export class Pane {
  readonly name: string;
  readonly readonly: boolean;
  readonly screen: Screen;
  readonly state = signal<PaneState>({ kind: 'connecting' });
  /** What the program in it calls itself. */
  readonly title = signal('');
  readonly size = signal('');
  /** Whether the next key is typed with Ctrl, for those who have no such key. */
  readonly ctrl = signal(false);
  readonly #options: PaneOptions;
  readonly #stops: (() => void)[] = [];
  #terminal: Terminal | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #attempts = 0;

  constructor(options: PaneOptions) {
    this.#options = options;
    this.name = options.name;
    this.readonly = options.readonly ?? false;
    this.screen = new Screen({
      onKeys: (keys) => this.type(keys),
      onSize: (cols, rows) => {
        this.size.value = `${cols}×${rows}`;
        this.#terminal?.resize(cols, rows);
      },
      onTitle: (title) => {
        this.title.value = title;
      },
    });
    this.#stops.push(effect(() => this.screen.colour(isDark.value)));
    this.#listen('online', () => {
      if (this.state.value.kind === 'away') this.connect();
    });
    // A connection may look alive for minutes after its network went: it is given up at once.
    this.#listen('offline', () => this.#goOffline());
  }

  /** Shows it, and connects it the first time. */
  show(): void {
    this.screen.show();
    if (!this.#terminal && this.state.value.kind === 'connecting') this.connect();
  }

  /** Connects, in the place of a connection that there is. */
  connect(): void {
    if (!navigator.onLine) {
      this.#goOffline();
      return;
    }
    this.#leave();
    const { client, box, name } = this.#options;
    const { cols, rows } = this.screen.emulator;
    const terminal = openTerminal(client, {
      ...{ box, cols, rows },
      terminal: name,
      readonly: this.readonly,
      history: HISTORY_LINES,
    });
    this.#terminal = terminal;
    this.state.value = { kind: 'connecting' };
    const isMine = () => this.#terminal === terminal;
    terminal.on('connected', () => {
      if (!isMine()) return;
      // What follows is the whole of it, its history included.
      this.screen.emulator.reset();
      this.#attempts = 0;
    });
    terminal.on('output', (bytes) => {
      if (!isMine()) return;
      this.screen.emulator.write(bytes);
      // Not before: there is a shell by now, and the service counts its connection.
      if (this.state.value.kind !== 'connected') this.state.value = { kind: 'connected' };
    });
    terminal.on('discarded', () => notify('What was typed meanwhile was dropped: its shell is no more.'));
    terminal.on('disconnected', ({ reason, retryMs, attempt }) => {
      if (isMine()) this.state.value = { kind: 'away', reason, retryAt: Date.now() + retryMs, attempt };
    });
    void terminal.ended.then((end) => {
      if (isMine()) this.#onEnd(end);
    });
  }

  /** Tries again now what would be tried later. */
  retryNow(): void {
    if (this.#retry === undefined && this.#terminal) this.#terminal.retryNow();
    else this.connect();
  }

  /** Types, or begins anew where there is nothing to type into any more. */
  type(keys: string | Uint8Array): void {
    if (this.state.value.kind === 'ended') {
      if (keys === '\r') this.connect();
      return;
    }
    const isControlled = this.ctrl.value && typeof keys === 'string' && keys.length === 1;
    this.ctrl.value = false;
    if (this.readonly || !this.#terminal) return;
    const isTaken = this.#terminal.write(isControlled ? controlled(keys) : keys);
    if (!isTaken) notify('That was too much at once, and was not typed: put it into a file.');
  }

  dispose(): void {
    for (const stop of this.#stops) stop();
    this.#leave();
    this.screen.dispose();
  }

  #onEnd(end: TerminalEnd): void {
    this.#terminal = undefined;
    // The first connection could not be made; as with those after it, that may pass.
    if (end.code !== 1006 || end.isFinal) {
      this.state.value = { kind: 'ended', end };
      return;
    }
    this.#attempts += 1;
    this.state.value = {
      kind: 'away',
      reason: end.reason,
      retryAt: Date.now() + RETRY_MS,
      attempt: this.#attempts,
    };
    this.#retry = setTimeout(() => this.connect(), RETRY_MS);
  }

  #goOffline(): void {
    if (this.state.value.kind === 'ended') return;
    this.#leave();
    this.state.value = { kind: 'away', reason: 'This device is offline.', attempt: 0 };
  }

  #leave(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    const terminal = this.#terminal;
    this.#terminal = undefined;
    terminal?.close();
  }

  #listen(event: 'online' | 'offline', listener: () => void): void {
    const heed = () => {
      if (this.screen.emulator.element) listener();
    };
    addEventListener(event, heed);
    this.#stops.push(() => removeEventListener(event, heed));
  }
}

/** What a key says with Ctrl: of the letters and @ [ \ ] ^ _, the control character at its place (ECMA-48). */
function controlled(key: string): string {
  const code = key.toUpperCase().charCodeAt(0);
  if (key === ' ') return '\0';
  if (key === '?') return '\x7f';
  return code >= 0x40 && code <= 0x5f ? String.fromCharCode(code - 0x40) : key;
}
