import { type DockboxClient, openTerminal, type Terminal, type TerminalEnd } from 'dockbox-client';
import WebSocket from 'ws';
import { CommandError } from '../errors.js';
import { printable } from '../output.js';
import { inWords } from '../service.js';
import { ESCAPE_HELP, Escapes } from './escapes.js';
import { LocalTerminal } from './local.js';

/** After how long a screen that is drawn anew is taken to be, in ms: what is told earlier is drawn over. */
const REDRAW_MS = 500;

const CTRL_C = 0x03;
const ENTER = 0x0d;

type Options = { box: string; terminal?: string | undefined; readonly?: boolean };

/**
 * Gives the terminal that this program runs in to a box's, until that ends or a person leaves.
 * @returns the shell's exit status, 0 when it was left
 * @throws {CommandError} when it can't be connected to, or is lost
 */
export async function interact(
  client: DockboxClient,
  { box, terminal: name, readonly = false }: Options,
): Promise<number> {
  const local = new LocalTerminal();
  const terminal = openTerminal(client, {
    ...{ box, readonly, WebSocket, ...local.size },
    ...(name !== undefined && { terminal: name }),
    // What has left the screen is in the local terminal's own history.
    historyAgain: 0,
  });
  const input = new Input(terminal, local, readonly);
  const onResize = () => terminal.resize(local.size.cols, local.size.rows);
  process.stdout.on('resize', onResize);
  let wasConnected = false;
  terminal.on('output', (output) => {
    if (local.show(output)) return;
    terminal.pause();
    void local.drained().then(() => terminal.resume());
  });
  terminal.on('connected', ({ again }) => {
    if (!again) local.enter((keys) => input.take(keys));
    else setTimeout(() => input.tellLost(), REDRAW_MS);
    wasConnected = true;
  });
  terminal.on('disconnected', ({ reason, unconfirmedBytes }) => {
    input.count(unconfirmedBytes, 'may not have arrived');
    local.tell(`${printable(reason)} Connecting again … Enter tries at once, ~. leaves`);
  });
  terminal.on('discarded', ({ bytes }) => input.count(bytes, 'came too late for their shell'));

  const end = await terminal.ended;
  process.stdout.off('resize', onResize);
  local.restore();
  if (input.hasLeft) return 0;
  return statusOf(end, wasConnected);
}

function statusOf(
  { code, reason, exitStatus, statusCode, undeliveredBytes }: TerminalEnd,
  wasConnected: boolean,
) {
  if (undeliveredBytes > 0)
    process.stderr.write(`dockbox: ${undeliveredBytes} bytes that were typed did not arrive.\n`);
  if (code === 1000) return exitStatus ?? 0;
  // Why a box ends a terminal it tells in that terminal.
  if (wasConnected && code !== 1006) return 1;
  throw new CommandError(inWords(statusCode, reason));
}

/** What a person types: the escapes are taken out, and of what can't be delivered they are told. */
class Input {
  hasLeft = false;
  readonly #terminal: Terminal;
  readonly #local: LocalTerminal;
  readonly #readonly: boolean;
  readonly #escapes = new Escapes();
  readonly #lost = new Map<string, number>();

  constructor(terminal: Terminal, local: LocalTerminal, readonly: boolean) {
    this.#terminal = terminal;
    this.#local = local;
    this.#readonly = readonly;
  }

  take(typed: Uint8Array): void {
    const { keys, escapes } = this.#escapes.take(typed);
    if (escapes.includes('help')) process.stdout.write(ESCAPE_HELP);
    // Who can't type has no other use for Ctrl-C.
    if (escapes.includes('leave') || (this.#readonly && typed.includes(CTRL_C))) this.#leave();
    else if (!this.#readonly && keys.length > 0) this.#type(keys);
  }

  /** Counts bytes that were lost, and how. */
  count(bytes: number, how: string): void {
    if (bytes > 0) this.#lost.set(how, (this.#lost.get(how) ?? 0) + bytes);
  }

  tellLost(): void {
    const lost = [...this.#lost].map(([how, bytes]) => `${bytes} bytes that you typed ${how}`);
    this.#lost.clear();
    if (lost.length > 0) this.#local.tell(`${lost.join('; ')}.`);
  }

  #type(keys: Uint8Array): void {
    if (keys.includes(ENTER)) this.#terminal.retryNow();
    if (this.#terminal.write(keys)) return;
    if (!this.#terminal.isConnected) {
      this.count(keys.length, 'were too many to be kept');
      return;
    }
    process.stdin.pause();
    void this.#terminal.drained().then(() => {
      process.stdin.resume();
      this.#type(keys);
    });
  }

  #leave(): void {
    this.hasLeft = true;
    this.#terminal.close();
  }
}
