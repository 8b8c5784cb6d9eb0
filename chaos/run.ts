import { setTimeout as delay } from 'node:timers/promises';
import { RunScope } from '../test/helpers/scope.js';
import { Client } from './client.js';
import { injectFaults } from './faults.js';
import { Ledger } from './ledger.js';
import type { Options } from './options.js';
import { Random } from './random.js';
import { settle } from './settle.js';
import { openWorld } from './world.js';

/** What clients do before the first fault, and how much longer they go on after the last; in ms. */
const QUIET_MS = 1000;

/**
 * How much longer faults are injected until there was one of every kind, and clients have felt some; and how much longer
 * than the last of them clients then have to get to work; in ms.
 */
const PATIENCE_MS = 120_000;

/**
 * One run: servers, clients and faults, then quiet, then the reckoning. All that it made is gone when this returns or
 * throws.
 * @param interrupted ends it early, at once
 * @param print gets a line for each thing that happens
 */
export async function runChaos(
  options: Options,
  interrupted: AbortSignal,
  print: (line: string) => void,
): Promise<Ledger> {
  const ledger = new Ledger(print);
  const random = new Random(options.seed);
  const scope = new RunScope();
  const broken = new Promise<never>((_, reject) => {
    interrupted.addEventListener('abort', () => reject(new Error('interrupted')), { once: true });
  });
  const [played] = await Promise.allSettled([Promise.race([broken, play(options, ledger, random, scope)])]);
  const problems = await scope.end();
  if (played.status === 'rejected') throw played.reason;
  if (problems.length > 0) throw new AggregateError(problems, 'Not everything could be put away');
  return ledger;
}

async function play(options: Options, ledger: Ledger, random: Random, scope: RunScope): Promise<void> {
  const world = await openWorld(scope, options, ledger);
  ledger.say(`${options.replicas} servers run`);
  const noFaults = new AbortController();
  const noClients = new AbortController();
  scope.teardown(() => {
    noFaults.abort();
    noClients.abort();
  });

  const clients = Array.from({ length: options.clients }, (_, at) => {
    const client = new Client({
      name: `client-${at + 1}`,
      world,
      ledger,
      random: random.fork(),
      boxes: options.boxes,
    });
    return client
      .live(noClients.signal)
      .catch((error: Error) => ledger.violation(`a client: ${error.stack}`));
  });
  await delay(QUIET_MS);
  const faults = injectFaults({ world, ledger, random: random.fork(), signal: noFaults.signal });
  await delay(options.seconds * 1000);
  await nothingMissing(ledger);
  noFaults.abort();
  await faults;
  ledger.say('the last fault is over');
  await delay(QUIET_MS);
  // Where faults come faster than the machine recovers from them, that is when clients get to anything.
  await nothingMissing(ledger);
  noClients.abort();
  await Promise.all(clients);
  ledger.say('the last client has left');
  await settle({ world, ledger, random }).catch((error: Error) =>
    ledger.violation(`the reckoning broke off: ${error.stack}`),
  );
}

/** Waits for what a slow machine has not come to yet, as long as there is patience. */
async function nothingMissing(ledger: Ledger): Promise<void> {
  for (let waitedMs = 0; ledger.missing.length > 0 && waitedMs < PATIENCE_MS; waitedMs += QUIET_MS)
    await delay(QUIET_MS);
}
