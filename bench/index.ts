import { randomUUID } from 'node:crypto';
import { containerName } from '../lib/engines/engine.js';
import { call } from '../test/helpers/client.js';
import { makeDeployment } from '../test/helpers/deployment.js';
import { startGitServer } from '../test/helpers/git-server.js';
import { RunScope } from '../test/helpers/scope.js';
import { startServer } from '../test/helpers/server.js';
import { BareEngine } from './bare-engine.js';
import { type Bench, type Measure, PREPARED } from './bench.js';
import type { Figure } from './figures.js';
import { connect } from './measures/connect.js';
import { create } from './measures/create.js';
import { echo } from './measures/echo.js';
import { idle } from './measures/idle.js';
import { output } from './measures/output.js';
import { paste } from './measures/paste.js';
import { peers } from './measures/peers.js';
import { slowReader } from './measures/slow-reader.js';
import { type MeasureName, type Options, readOptions } from './options.js';
import { machine, table, writeJson } from './report.js';

const measures: Record<MeasureName, Measure> = {
  ...{ echo, output, paste, idle, connect, create, peers },
  'slow-reader': slowReader,
};

/** Seconds: the box that both sides work in is never idle, whichever of them is at it. */
const IDLE_TIMEOUT_SECONDS = '3600';

/**
 * Measures what the command line asks for and prints it. The engine, and a database server that the DATABASE_ variables
 * name, are there already; all that is made here is gone when it returns, or throws, or was interrupted.
 * @param interrupted when aborted, the run ends early with the signal's reason
 */
export async function bench(args: string[], interrupted: AbortSignal): Promise<void> {
  const options = readOptions(args);
  const scope = new RunScope();
  const end = new Promise<never>((_, reject) => {
    interrupted.addEventListener('abort', () => reject(interrupted.reason));
  });
  try {
    interrupted.throwIfAborted();
    await Promise.race([run(options, scope), end]);
  } catch (error) {
    await scope.end();
    throw error;
  }
  const [problem] = await scope.end();
  if (problem) throw problem;
}

async function run(options: Options, scope: RunScope): Promise<void> {
  const bench = await prepare(options, scope);
  const where = machine(await bench.engine.version());
  console.log(`On ${where}; rounds: ${options.rounds}.`);
  const figures: Figure[] = [];
  for (const name of options.only) {
    console.log(`Measuring ${name} …`);
    figures.push(...(await measures[name](bench)));
  }
  console.log(`\n${table(figures)}\n`);
  if (options.json) await writeJson(options.json, where, figures);
}

async function prepare(options: Options, scope: RunScope): Promise<Bench> {
  const engine = new BareEngine(process.env.DOCKER_SERVER_HOST ?? '/var/run/docker.sock');
  // Reached from containers as a server elsewhere is: by way of the bridge.
  const bridge = await engine.call('GET', '/networks/bridge');
  const git = await startGitServer(scope, { host: bridge.IPAM.Config[0].Gateway });
  const makeRepository = async () => {
    const repository = await git.createRepository(`${randomUUID()}.git`);
    await repository.commit({ 'README.md': '# Small\n', 'run.sh': 'echo hello\n' });
    return repository.url;
  };
  const url = await makeRepository();
  const deployment = await makeDeployment(scope);
  const variables = { IDLE_TIMEOUT_SECONDS, BOX_PIDS: String(512 + 4 * options.terminals) };
  const startReplica = () => startServer(scope, deployment, variables);
  const server = await startServer(scope, deployment, { ...variables, FETCH_POOL_SIZE: String(PREPARED) });
  const { status, body } = await call(server, 'POST', '/v1/dockbox', { url });
  if (status !== 201) throw new Error(`The box could not be created: ${JSON.stringify(body)}`);
  const { id: boxId } = body;
  const container = containerName(boxId);
  return { options, scope, deployment, server, startReplica, engine, makeRepository, url, boxId, container };
}
