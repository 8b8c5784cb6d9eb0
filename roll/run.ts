import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { migrate } from '../lib/database.js';
import { createBox } from '../test/helpers/box.js';
import { makeMigrations, NEXT, NEXT_MIGRATION } from '../test/helpers/migrations.js';
import type { Scope } from '../test/helpers/scope.js';
import { keepComing, type Visits } from './newcomer.js';
import { NAMES, type Name, type ReplicatedService } from './service.js';
import { type Outcome, Typist } from './typist.js';

export type Crowd = {
  terminals: number;
  /** Boxes that they are in. */
  boxes: number;
};

export type Result = { outcomes: Outcome[]; visits: Visits; rollMs: number };

/** How long clients type before the first replica goes, and after the last one has come back, in ms. */
const QUIET_MS = 1000;

/**
 * Two replicas behind a proxy change to the next version, one after the other, while clients type.
 * @param write gets a line for each step
 */
export async function roll(
  t: Scope,
  service: ReplicatedService,
  crowd: Crowd,
  write: (line: string) => void,
): Promise<Result> {
  const beganAt = performance.now();
  const print = (line: string) =>
    write(`${((performance.now() - beganAt) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  const { base, deployment } = service;
  const boxes: string[] = [];
  for (let number = 1; number <= crowd.boxes; number += 1) {
    boxes.push(await createBox(t, service, { name: `box-${number}` }));
  }
  const boxOf = (number: number) => boxes[number % boxes.length] as string;
  const typists = await Promise.all(
    Array.from({ length: crowd.terminals }, (_, number) =>
      Typist.start(t, { base, box: boxOf(number), number }),
    ),
  );
  print(`${crowd.terminals} clients type`);
  const noMore = new AbortController();
  t.teardown(() => noMore.abort());
  const coming = keepComing(base, boxOf(0), noMore.signal);
  await delay(QUIET_MS);
  const startedAt = performance.now();
  await migrate(deployment.pool, await makeMigrations(t, NEXT, NEXT_MIGRATION));
  print('the schema is that of the next version');
  for (const name of NAMES) await rollOne(service, name, print);
  const rollMs = performance.now() - startedAt;
  await delay(QUIET_MS);
  noMore.abort();
  const visits = await coming;
  const outcomes = await Promise.all(
    typists.map((typist, number) => typist.leave(path.join(deployment.mountPoint, boxOf(number)))),
  );
  return { outcomes, visits, rollMs };
}

async function rollOne(service: ReplicatedService, name: Name, print: (line: string) => void): Promise<void> {
  const ended = service.replica(name).end('SIGTERM');
  await service.left(name);
  print(`the proxy sends nobody to ${name} any more`);
  const code = await ended;
  if (code !== 0) throw new Error(`Replica ${name} ended with ${code}.`);
  print(`${name} has ended`);
  await service.startAgain(name);
  print(`${name} is back`);
}
