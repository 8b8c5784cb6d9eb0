import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionManager } from '../connections/manager.js';
import type { Engine } from '../engines/engine.js';
import { errors } from '../errors.js';
import type { Size } from './commands.js';
import { resizeExec } from './shell.js';

/** A client may say its size as soon as it is connected: how long its shell may take to be there, in ms. */
const SHELL_WAIT_MS = 3000;
const POLL_MS = 50;

type Options = {
  engine: Engine;
  connections: ConnectionManager;
  boxId: string;
  terminal: string;
  size: Size;
};

/**
 * Tells the shells of a terminal how large their window is, whichever replica their clients are on.
 * @throws {@link errors.TerminalNotFound} when there is none
 */
export async function resizeTerminal({ engine, connections, boxId, terminal, size }: Options): Promise<void> {
  const deadline = Date.now() + SHELL_WAIT_MS;
  for (;;) {
    const [execs, place] = await Promise.all([connections.execsOf(boxId, terminal), engine.place(boxId)]);
    const resized = place && (await Promise.all(execs.map((exec) => resizeExec(place.docker, exec, size))));
    if (resized?.includes(true)) return;
    if (Date.now() > deadline) throw new errors.TerminalNotFound(terminal);
    await delay(POLL_MS);
  }
}
