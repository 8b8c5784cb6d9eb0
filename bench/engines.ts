import { serveSource } from '../test/helpers/box.js';
import { call, connect, type Service } from '../test/helpers/client.js';
import { startCluster } from '../test/helpers/cluster.js';
import { makeDeployment } from '../test/helpers/deployment.js';
import { RunScope, type Scope } from '../test/helpers/scope.js';
import { startServer } from '../test/helpers/server.js';

/** The first round is not counted: it fills what is filled once. */
const ROUNDS = 12;

type Name = 'single' | 'swarm';

/** What a user waits for, in the order in which it happens to a box. */
const STEPS = ['POST to ready', 'prompt, running box', 'stop', 'prompt, stopped box', 'delete'] as const;

/**
 * Prints how long a box's steps take on a single engine and on a swarm of one node, which are the same daemon. The two
 * take turns. The database server is that of the DATABASE_ variables.
 * @param signal ends it before its time
 */
export async function compareEngines(signal: AbortSignal): Promise<void> {
  const scope = new RunScope();
  const samples = new Map<string, number[]>();
  try {
    const servers = await startServers(scope);
    const url = await serveSource(scope);
    for (let round = 0; round < ROUNDS && !signal.aborted; round += 1) {
      const order: Name[] = round % 2 === 0 ? ['single', 'swarm'] : ['swarm', 'single'];
      for (const name of order) {
        const times = await liveOnce(scope, servers[name], url);
        if (round === 0) continue;
        for (const [index, ms] of times.entries()) {
          const key = `${STEPS[index]} ${name}`;
          samples.set(key, [...(samples.get(key) ?? []), ms]);
        }
      }
    }
  } finally {
    for (const problem of await scope.end()) console.error(problem);
  }
  console.log(
    `\nMedians of ${ROUNDS - 1}, in ms\n\n| step | single | swarm | ratio |\n| --- | ---: | ---: | ---: |`,
  );
  for (const step of STEPS) {
    const [single = Number.NaN, swarm = Number.NaN] = ['single', 'swarm'].map((name) =>
      median(samples.get(`${step} ${name}`) ?? []),
    );
    console.log(`| ${step} | ${single.toFixed(0)} | ${swarm.toFixed(0)} | ${(swarm / single).toFixed(2)}x |`);
  }
}

async function startServers(scope: Scope): Promise<Record<Name, Service>> {
  const cluster = await startCluster(scope, { workers: 0 });
  const { socket } = cluster.manager.daemon;
  const start = async (engine: Name) => {
    const variables = { ENGINE: engine, DOCKER_SERVER_HOST: socket, OWNER_CREATES_PER_MINUTE: '0' };
    return startServer(scope, await makeDeployment(scope, variables, socket));
  };
  return { single: await start('single'), swarm: await start('swarm') };
}

/** @returns how long each of a box's steps took, in ms */
async function liveOnce(scope: Scope, server: Service, url: string): Promise<number[]> {
  const prompt = async () => {
    const client = await connect(scope, server, 'box');
    await client.shows(/[$#]/);
    client.socket.close();
  };
  const steps = [
    () => expect(call(server, 'POST', '/v1/dockbox', { url, name: 'box' }), 201),
    prompt,
    () => expect(call(server, 'POST', '/v1/dockbox/box/stop'), 200),
    prompt,
    () => expect(call(server, 'DELETE', '/v1/dockbox/box'), 204),
  ];
  const times: number[] = [];
  for (const step of steps) {
    const startedAt = performance.now();
    await step();
    times.push(performance.now() - startedAt);
  }
  return times;
}

async function expect(answer: ReturnType<typeof call>, status: number): Promise<void> {
  const { status: actual, body } = await answer;
  if (actual !== status) throw new Error(`It answered ${actual}: ${JSON.stringify(body)}`);
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
