import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { migrate } from '../lib/database.js';
import { createBox } from '../test/helpers/box.js';
import { call } from '../test/helpers/client.js';
import { makeDeployment } from '../test/helpers/deployment.js';
import { makeMigrations, NEXT, NEXT_MIGRATION } from '../test/helpers/migrations.js';
import type { Scope } from '../test/helpers/scope.js';
import { launchServer, type Server } from '../test/helpers/server.js';
import { freePort, type LoadBalancer, startLoadBalancer } from './load-balancer.js';
import { keepComing, type Visits } from './newcomer.js';
import { type Outcome, Typist } from './typist.js';

export type Options = {
  terminals: number;
  /** Boxes that they are in. */
  boxes: number;
  /** Between two health checks of the proxy's; an ALB's are at least 5 s apart. */
  checkSeconds: number;
  noticeSeconds: number;
  drainSeconds: number;
};

export type Result = { outcomes: Outcome[]; visits: Visits; rollMs: number };

/** How long clients type before the first replica goes, and after the last one has come back, in ms. */
const QUIET_MS = 1000;

/**
 * Two replicas behind a proxy change to the next version, one after the other, while clients type.
 * @param write gets a line for each step
 */
export async function roll(t: Scope, options: Options, write: (line: string) => void): Promise<Result> {
  const beganAt = performance.now();
  const print = (line: string) =>
    write(`${((performance.now() - beganAt) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  const { terminals, checkSeconds, noticeSeconds, drainSeconds } = options;
  const deployment = await makeDeployment(t, {
    TRUST_PROXY: '1',
    DRAIN_NOTICE_SECONDS: String(noticeSeconds),
    DRAIN_SECONDS: String(drainSeconds),
    OWNER_MAX_TERMINALS: '0',
  });
  const servers: Server[] = [];
  t.teardown(async () => {
    const server = servers.find(({ runs }) => runs);
    for (const id of await deployment.rows()) if (server) await call(server, 'DELETE', `/v1/dockbox/${id}`);
    await Promise.all(servers.map((server) => server.end('SIGKILL')));
  });
  const ports: [number, number] = [await freePort(), await freePort()];
  const start = async (port: number) => {
    const server = await launchServer({ ...deployment.env, PORT: String(port) });
    servers.push(server);
    return server;
  };
  const replicas = (await Promise.all(ports.map(start))) as [Server, Server];
  const balancer = await startLoadBalancer(t, ports, checkSeconds);
  const boxes: string[] = [];
  for (let number = 1; number <= options.boxes; number += 1) {
    boxes.push(await createBox(t, balancer, { name: `box-${number}` }));
  }
  const boxOf = (number: number) => boxes[number % boxes.length] as string;
  const typists = await Promise.all(
    Array.from({ length: terminals }, (_, number) =>
      Typist.start(t, { base: balancer.base, box: boxOf(number), number }),
    ),
  );
  print(`${terminals} clients type`);
  const noMore = new AbortController();
  t.teardown(() => noMore.abort());
  const coming = keepComing(balancer.base, boxOf(0), noMore.signal);
  await delay(QUIET_MS);
  const startedAt = performance.now();
  await migrate(deployment.pool, await makeMigrations(t, NEXT, NEXT_MIGRATION));
  print('the schema is that of the next version');
  for (const [index, name] of (['one', 'two'] as const).entries()) {
    await rollOne(balancer, replicas[index] as Server, name, () => start(ports[index] as number), print);
  }
  const rollMs = performance.now() - startedAt;
  await delay(QUIET_MS);
  noMore.abort();
  const visits = await coming;
  const outcomes = await Promise.all(
    typists.map((typist, number) => typist.leave(path.join(deployment.mountPoint, boxOf(number)))),
  );
  return { outcomes, visits, rollMs };
}

async function rollOne(
  balancer: LoadBalancer,
  replica: Server,
  name: 'one' | 'two',
  start: () => Promise<Server>,
  print: (line: string) => void,
): Promise<void> {
  const ended = replica.end('SIGTERM');
  await balancer.until(name, 'DOWN');
  print(`the proxy sends nobody to ${name} any more`);
  const code = await ended;
  if (code !== 0) throw new Error(`Replica ${name} ended with ${code}.`);
  print(`${name} has ended`);
  await start();
  await balancer.until(name, 'UP');
  print(`${name} is back`);
}
