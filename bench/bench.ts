import { setTimeout as delay } from 'node:timers/promises';
import type { Deployment } from '../test/helpers/deployment.js';
import type { Scope } from '../test/helpers/scope.js';
import type { Server } from '../test/helpers/server.js';
import type { BareEngine } from './bare-engine.js';
import type { Figure } from './figures.js';
import type { Options } from './options.js';
import { BareTerminal, BoxTerminal, showsPrompt, type Terminal } from './terminal.js';

/** Fetches that the server keeps prepared: as many as it does of its own accord. */
export const PREPARED = 2;

/** What every measure works with: one server, and one running box that both sides have terminals in. */
export type Bench = {
  options: Options;
  scope: Scope;
  deployment: Deployment;
  server: Server;
  /** Starts another server of the deployment, for what should not depend on what was measured before. */
  startReplica: () => Promise<Server>;
  engine: BareEngine;
  /** Makes a small repository. @returns its address */
  makeRepository: () => Promise<string>;
  /** Address of one that the server has opened before. */
  url: string;
  boxId: string;
  /** The name of the box's container. */
  container: string;
};

export type Measure = (bench: Bench) => Promise<Figure[]>;

/** Connects to the box by way of dockbox. @returns once the shell has prompted */
export async function openBox({ server, boxId }: Bench, id = boxId): Promise<BoxTerminal> {
  const terminal = new BoxTerminal(server.base, id);
  await Promise.race([showsPrompt(terminal), terminal.failure]);
  return terminal;
}

/** Starts a shell in the box's container without dockbox. @returns once it has prompted */
export async function openBare({ engine, container }: Bench, name = container): Promise<BareTerminal> {
  const terminal = await BareTerminal.open(engine, name);
  await showsPrompt(terminal);
  return terminal;
}

/** Has a new terminal of either side work, and closes it. @returns what the work returned */
export async function inTerminal<Result>(
  opened: Promise<Terminal>,
  work: (terminal: Terminal) => Promise<Result>,
): Promise<Result> {
  const terminal = await opened;
  try {
    return await work(terminal);
  } finally {
    terminal.close();
  }
}

/** How long the processes of a terminal may still be ending when its connection is released, in ms. */
const ENDING_MS = 200;

/** Waits until the server has ended the shells of terminals that were closed, so that this is not measured as well. */
export async function released({ deployment }: Bench): Promise<void> {
  for (;;) {
    const { rows } = await deployment.pool.query('select from connection limit 1');
    if (rows.length === 0) break;
    await delay(20);
  }
  await delay(ENDING_MS);
}
