import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import {
  ADMIN,
  type Cluster,
  ensureCluster,
  findPostmaster,
  launch,
  type Postmaster,
} from './postgres-cluster.js';
import { findPostgresHome } from './postgres-home.js';

const HOST = '127.0.0.1';
/** A start first replays what a crash left in the write-ahead log; a stop flushes memory to disk. */
const DEADLINE_MS = 60_000;
const POLL_MS = 20;

/**
 * Advisory locks. Every process that uses the server holds OWNERS shared for as long as its session lives, so the kernel
 * tells who is left even after a `kill -9`, and whoever can have it exclusively is the last one. SETUP is held while roles
 * and databases are made.
 */
const OWNERS = 1;
const SETUP = 2;

export interface EmbeddedPostgresOptions {
  /** Where its files are kept. Made if absent; as root, every directory above it should be enterable by others. */
  directory: string;
  /** What to listen on; 0 picks a free port. A server that already runs keeps the port that it has. */
  port: number;
  /** A role that may create databases, made if absent, and its password. */
  user: string;
  password: string;
  /** A database of that role's, made if absent. */
  database: string;
  log?: (message: string) => void;
}

export interface EmbeddedPostgres {
  host: string;
  port: number;
  /** Ends this process's use of the server, and the server itself if no other process uses it. */
  stop(): Promise<void>;
}

interface Session {
  client: pg.Client;
  postmaster: Postmaster;
  port: number;
  lost: boolean;
}

/**
 * Runs a PostgreSQL server of this project's own on the loopback interface, or joins the one that already runs on the
 * same directory: another dockbox's, or one whose dockbox was killed.
 * @throws when the port is taken, the files are another version's, or the server doesn't start
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const log = options.log ?? (() => {});
  const cluster = await ensureCluster(await findPostgresHome(options.directory, log));
  const session = await join(cluster, options.port);
  let stopping: Promise<void> | undefined;
  session.client.on('error', (error) => {
    if (!stopping) log(`The connection to the embedded PostgreSQL is gone: ${error.message}`);
  });

  const stop = () => {
    stopping ??= leave(cluster, session, log);
    return stopping;
  };
  try {
    await provide(session.client, options);
  } catch (error) {
    await stop();
    throw error;
  }
  return { host: HOST, port: session.port, stop };
}

/** Connects to the cluster's server, starting it if there is none, however many processes try at once. */
async function join(cluster: Cluster, wanted: number): Promise<Session> {
  const deadline = Date.now() + DEADLINE_MS;
  let launched: ReturnType<typeof launch> | undefined;
  let problem = 'no answer';

  while (Date.now() < deadline) {
    const postmaster = await findPostmaster(cluster);
    if (postmaster?.port) {
      const session = await attach(cluster, postmaster, postmaster.port).catch((error: Error) => {
        problem = error.message;
      });
      if (session) return session;
    }
    if (launched && !isRunning(launched)) {
      problem = launched.output();
      launched = undefined;
      // Another process was faster, or the memory of one that was killed is not free yet: look again.
      const passing = /lock file .* already exists|shared memory block .* is still in use/.test(problem);
      const portTaken = /could not bind|Address already in use/i.test(problem);
      if (portTaken && wanted !== 0) {
        throw new Error(
          `Port ${wanted} is taken by another program: set DATABASE_PORT to a free one for the embedded PostgreSQL.`,
        );
      }
      if (!passing && !portTaken) break;
    }
    if (!postmaster && !launched) launched = launch(cluster, HOST, wanted || (await freePort()));
    await delay(POLL_MS);
  }
  throw new Error(`The embedded PostgreSQL did not start (its log is ${cluster.log}): ${problem}`);
}

const isRunning = ({ server }: ReturnType<typeof launch>) =>
  server.exitCode === null && server.signalCode === null;

/** Opens the session that marks this process as a user of the server. Waits while the server is being stopped. */
async function attach(cluster: Cluster, postmaster: Postmaster, port: number): Promise<Session> {
  const client = new pg.Client({
    host: HOST,
    port,
    user: ADMIN,
    password: cluster.adminPassword,
    database: 'postgres',
    ssl: false,
    keepAlive: true,
    connectionTimeoutMillis: 5_000,
  });
  const session: Session = { client, postmaster, port, lost: false };
  // Without a listener, a server that goes away would end this process.
  client.on('error', () => {
    session.lost = true;
  });
  try {
    await client.connect();
    await client.query('select pg_advisory_lock_shared($1)', [OWNERS]);
    return session;
  } catch (error) {
    await client.end();
    throw error;
  }
}

/** Makes the role and the database, or brings the role's password up to date. */
async function provide(client: pg.Client, { user, password, database }: EmbeddedPostgresOptions) {
  await client.query('select pg_advisory_lock($1)', [SETUP]);
  const role = client.escapeIdentifier(user);
  const known = await client.query('select from pg_roles where rolname = $1', [user]);
  await client.query(
    `${known.rowCount ? 'alter' : 'create'} role ${role} login createdb password ${client.escapeLiteral(password)}`,
  );
  const existing = await client.query('select from pg_database where datname = $1', [database]);
  if (!existing.rowCount) {
    await client.query(`create database ${client.escapeIdentifier(database)} owner ${role}`);
  }
  await client.query('select pg_advisory_unlock($1)', [SETUP]);
}

/**
 * Gives up this process's claim, and stops the server if that was the last one. The exclusive lock is held until the
 * server goes: who joins in that moment waits on it, sees the session end, and starts the server anew.
 * @throws when the server is still there after the deadline
 */
async function leave(
  cluster: Cluster,
  { client, postmaster, lost }: Session,
  log: (message: string) => void,
) {
  if (lost) return;
  const last = await client
    .query<{ last: boolean }>('select pg_advisory_unlock_shared($1), pg_try_advisory_lock($1) as last', [
      OWNERS,
    ])
    .then(
      ({ rows }) => rows[0]?.last,
      // Another process that left at the same time was the last one, and is stopping the server.
      (error: Error) => log(`The embedded PostgreSQL is stopping already: ${error.message}`),
    );
  if (last) process.kill(postmaster.pid, 'SIGINT'); // PostgreSQL's "fast" shutdown: sessions end, data is flushed
  await client.end();
  if (!last) return;

  const deadline = Date.now() + DEADLINE_MS;
  while ((await findPostmaster(cluster))?.pid === postmaster.pid) {
    if (Date.now() > deadline) {
      throw new Error(`The embedded PostgreSQL (process ${postmaster.pid}) did not stop: see ${cluster.log}`);
    }
    await delay(POLL_MS);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
