import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { tarGz } from '../test/helpers/archives.js';
import { type Daemon, startDaemon } from '../test/helpers/daemon.js';
import { type Database, startDatabase } from '../test/helpers/database.js';
import { type Handler, serve, startHttpServer } from '../test/helpers/http-server.js';
import { startRelay } from '../test/helpers/relay.js';
import type { Scope } from '../test/helpers/scope.js';
import type { Ledger } from './ledger.js';
import type { Options } from './options.js';
import { Replica } from './replica.js';

/** Short, so that boxes come to rest and servers are taken for dead many times in a run; in seconds. */
export const TIMES = { idle: 3, sweep: 0.5, lease: 3, ping: 1, drain: 2, fence: 3 };

const README = { small: 'a small one\n', large: 'one of many files\n', slow: 'one that takes its time\n' };

/** How long the slow source takes, in ms, so that faults meet fetches at work, and in how many pieces it comes. */
const SLOW_MS = 2000;
const PIECES = 20;

/** All that a run has to do with: dockbox itself, and what it depends on. */
export type World = {
  database: Database;
  /** The database, looked at directly. */
  pool: pg.Pool;
  daemon: Daemon;
  replicas: Replica[];
  mountPoint: string;
  /** Sources by their address, with what their README says. */
  sources: { url: string; readme: string }[];
};

export async function openWorld(t: Scope, options: Options, ledger: Ledger): Promise<World> {
  const directory = await mkdtemp(path.join(tmpdir(), 'dockbox-chaos-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const mountPoint = path.join(directory, 'workspaces');
  const logs = path.resolve(options.logs ?? path.join(directory, 'logs'));
  await Promise.all([mkdir(mountPoint), mkdir(logs, { recursive: true })]);

  const [database, daemon, sources] = await Promise.all([
    startDatabase(t),
    startDaemon(t, { logLevel: options.logs ? 'debug' : 'warn' }),
    startSources(t),
  ]);
  t.teardown(async () => writeFile(path.join(logs, 'engine.log'), await daemon.log()));
  const { DATABASE_PORT, ...credentials } = database.variables;
  const pool = new pg.Pool({
    host: credentials.DATABASE_HOST,
    port: Number(DATABASE_PORT),
    user: credentials.DATABASE_USER,
    password: credentials.DATABASE_PASSWORD,
    database: credentials.DATABASE_NAME,
    max: 2,
  });
  pool.on('error', () => {});
  t.teardown(() => pool.end());

  const replicas: Replica[] = [];
  for (let number = 1; number <= options.replicas; number += 1) {
    const lines = {
      database: await startRelay(t, `http://127.0.0.1:${DATABASE_PORT}`),
      engine: await startRelay(t, daemon.socket),
    };
    const env = {
      ...process.env,
      ...credentials,
      ENVIRONMENT: 'test',
      AUTH: 'none',
      NODE_OPTIONS: `--report-on-signal --report-directory=${logs}`,
      LOG_LEVEL: 'info',
      PORT: '0',
      ALLOW_PRIVATE_SOURCES: 'true',
      FETCH_POOL_SIZE: '1',
      REQUESTS_PER_MINUTE: '0',
      CONNECTS_PER_MINUTE: '0',
      CONNECTIONS_PER_ADDRESS: '0',
      MAX_EVENT_LOOP_DELAY_MS: '0',
      MOUNT_POINT: mountPoint,
      DATABASE_PORT: new URL(lines.database.base).port,
      DOCKER_SERVER_HOST: lines.engine.base,
      IDLE_TIMEOUT_SECONDS: String(TIMES.idle),
      SWEEP_SECONDS: String(TIMES.sweep),
      LEASE_SECONDS: String(TIMES.lease),
      PING_SECONDS: String(TIMES.ping),
      DRAIN_SECONDS: String(TIMES.drain),
      // Its engine's machine has no firewall.
      BOX_EGRESS: 'open',
      FENCE_SECONDS: String(TIMES.fence),
      BOX_MEMORY_BYTES: String(128 * 1024 ** 2),
    };
    const name = `replica-${number}`;
    const log = createWriteStream(path.join(logs, `${name}.log`));
    t.teardown(() => new Promise((resolve) => log.end(resolve)));
    const replica = new Replica({ name, env, lines, log, ledger });
    t.teardown(() => replica.end('SIGKILL'));
    replicas.push(replica);
  }
  await Promise.all(replicas.map((replica) => replica.start()));
  return { database, pool, daemon, replicas, mountPoint, sources };
}

async function startSources(t: Scope): Promise<World['sources']> {
  const archive = (readme: string, files: number) =>
    tarGz([
      { name: 'source/README', content: readme },
      ...Array.from({ length: files }, (_, at) => ({
        name: `source/src/${at}.txt`,
        content: 'x'.repeat(4096),
      })),
    ]);
  const slow: Handler = (_request, response) => void trickle(response, archive(README.slow, 50));
  const server = await startHttpServer(
    t,
    serve({
      '/small.tar.gz': archive(README.small, 1),
      '/large.tar.gz': archive(README.large, 300),
      '/slow.tar.gz': slow,
    }),
  );
  return Object.entries(README).map(([name, readme]) => ({ url: `${server.url}/${name}.tar.gz`, readme }));
}

async function trickle(response: ServerResponse, body: Buffer): Promise<void> {
  const size = Math.ceil(body.length / PIECES);
  for (let at = 0; at < body.length && !response.destroyed; at += size) {
    response.write(body.subarray(at, at + size));
    await delay(SLOW_MS / PIECES);
  }
  response.end();
}
