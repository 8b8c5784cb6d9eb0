import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { call } from '../../test/helpers/client.js';
import { type Bench, type Measure, openBare, openBox, PREPARED, released } from '../bench.js';
import { alternate, atMostTimes, compare } from '../figures.js';

const run = promisify(execFile);

/** How long a container may still be starting that is there, in ms. */
const STARTING_MS = 500;

type Times = { ready: number; prompt: number };

/**
 * Create: from a repository's address to a box that is ready, and from there to the first prompt. For a source that it
 * has opened before, the server starts the container while it fetches.
 */
export const create: Measure = async (bench) => {
  const { rounds } = bench.options;
  const samples = await alternate(
    rounds,
    () => byHand(bench),
    () => dockbox(bench, bench.url),
  );
  const unknown = await alternate(
    rounds,
    () => byHand(bench),
    async () => dockbox(bench, await bench.makeRepository()),
  );
  const of = (samples: { floor: Times[]; dockbox: Times[] }, part: keyof Times) => ({
    floor: samples.floor.map((times) => times[part]),
    dockbox: samples.dockbox.map((times) => times[part]),
  });
  return [
    compare('POST to ready', 'ms', of(samples, 'ready'), atMostTimes(1.5)),
    compare('POST to ready, new source', 'ms', of(unknown, 'ready'), atMostTimes(1.5)),
    compare('ready to first prompt', 'ms', of(samples, 'prompt')),
  ];
};

async function dockbox(bench: Bench, url: string): Promise<Times> {
  const { server } = bench;
  await prepared(bench);
  const start = performance.now();
  const { status, body } = await call(server, 'POST', '/v1/dockbox', { url }, { prefer: 'wait=50' });
  const ready = performance.now();
  if (status !== 201) throw new Error(`The box could not be created: ${JSON.stringify(body)}`);
  const terminal = await openBox(bench, body.id);
  const prompt = performance.now();
  terminal.close();
  await released(bench);
  await call(server, 'DELETE', `/v1/dockbox/${body.id}`);
  return { ready: ready - start, prompt: prompt - ready };
}

/** Waits until the server has replaced the fetches that were used, which would slow down whoever is measured now. */
async function prepared({ deployment }: Bench): Promise<void> {
  for (;;) {
    const names = await deployment.containers();
    if (names.filter((name) => name.startsWith('dockbox-fetch-')).length === PREPARED) break;
    await delay(50);
  }
  await delay(STARTING_MS);
}

/** What somebody does who has no dockbox: clones, then makes and starts a container like the box's over it. */
async function byHand(bench: Bench): Promise<Times> {
  const { engine, scope, deployment, url } = bench;
  const { Config, HostConfig } = await engine.call('GET', `/containers/${bench.container}/json`);
  const name = `dockbox-bench-${randomUUID()}`;
  const workspace = path.join(path.dirname(deployment.mountPoint), name);
  const [mount] = HostConfig.Mounts;
  const options = {
    Image: Config.Image,
    WorkingDir: Config.WorkingDir,
    User: Config.User,
    Cmd: Config.Cmd,
    HostConfig: { ...HostConfig, Mounts: [{ ...mount, Source: workspace }] },
  };
  await mkdir(workspace);
  await prepared(bench);
  let made = Promise.resolve();
  const remove = async () => {
    await made.catch(() => {});
    await engine.call('DELETE', `/containers/${name}?force=true&v=true`).catch(() => {});
    await rm(workspace, { recursive: true, force: true });
  };
  scope.teardown(remove);

  const start = performance.now();
  await run('git', ['clone', '--quiet', '--depth=1', url, workspace]);
  made = engine.call('POST', `/containers/create?name=${name}`, options);
  await made;
  await engine.call('POST', `/containers/${name}/start`);
  const ready = performance.now();
  const terminal = await openBare(bench, name);
  const prompt = performance.now();
  terminal.close();
  await remove();
  return { ready: ready - start, prompt: prompt - ready };
}
