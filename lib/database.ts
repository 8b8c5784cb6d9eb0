import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import Postgrator from 'postgrator';
import type { Config } from './config.js';
import { jitter } from './every.js';
import { projectRoot } from './paths.js';

/** Any number, as long as every replica uses the same one and nothing else in the database does. */
const MIGRATION_LOCK = 7_303_014;

/** How long one migration may take, in ms. */
const MIGRATION_TIMEOUT_MS = 3_600_000;

/** How long a connection may take to be made, or to become free, in ms. */
const CONNECT_TIMEOUT_MS = 5000;

/** How long an answer may take, in ms: a database that has gone silent is found out. */
const QUERY_TIMEOUT_MS = 10_000;

/** For how long a statement waits for a lock, in ms: less than for its answer, so that the database says why. */
const LOCK_TIMEOUT_MS = 8000;

/**
 * For how long a transaction may do nothing, in ms, which here means wait for the engine: one whose replica was paused
 * or cut off gives its row locks back.
 */
const IDLE_TRANSACTION_TIMEOUT_MS = 30_000;

/** What of pg can run a query: the pool, or a client in a transaction. */
export type Queryable = Pick<pg.ClientBase, 'query'>;

/** The pool's options. A managed database with TLS needs DATABASE_SSL=verify, and DATABASE_CA_FILE for a private authority. */
export function poolOptions(config: Config): pg.PoolConfig {
  return {
    host: config.DATABASE_HOST,
    port: config.DATABASE_PORT,
    database: config.DATABASE_NAME,
    user: config.DATABASE_USER,
    password: config.DATABASE_PASSWORD,
    ssl: config.DATABASE_SSL !== 'disable' && {
      rejectUnauthorized: config.DATABASE_SSL === 'verify',
      ...(config.DATABASE_CA_FILE && { ca: readFileSync(config.DATABASE_CA_FILE, 'utf8') }),
    },
    max: config.DATABASE_POOL_SIZE,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_TRANSACTION_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'dockbox',
  };
}

/** What to do about an error of a first connection, by its code or what it says. */
const ADVICE: [sign: RegExp, advice: string][] = [
  [
    /SELF_SIGNED_CERT|UNABLE_TO_(VERIFY|GET_ISSUER)|CERT_SIGNATURE_FAILURE/,
    'set DATABASE_CA_FILE to the certificate of the authority that signed the server certificate.',
  ],
  [/ALTNAME_INVALID/, 'set DATABASE_HOST to a name that the server certificate is for.'],
  [/no encryption/, 'set DATABASE_SSL=verify.'],
  [/does not support SSL/, 'set DATABASE_SSL=disable.'],
];

/**
 * Makes sure that the database can be used.
 * @throws with its address, and with what to do where that is known
 */
export async function checkConnection(pool: pg.Pool, config: Config): Promise<void> {
  try {
    await pool.query('select');
  } catch (cause) {
    const { DATABASE_NAME: name, DATABASE_HOST: host, DATABASE_PORT: port } = config;
    const { code, message } = cause as NodeJS.ErrnoException;
    const advice = ADVICE.find(([sign]) => sign.test(`${code} ${message}`))?.[1];
    throw new Error(
      `The database "${name}" at ${host}:${port} can't be used: ${message || code}${advice ? `: ${advice}` : ''}`,
      { cause },
    );
  }
}

/**
 * Runs `work` in one transaction: committed when it returns, rolled back when it throws. A client whose ROLLBACK fails
 * is destroyed rather than given back, so that nobody inherits a half-open transaction.
 */
export async function transaction<Result>(
  pool: pg.Pool,
  work: (client: Queryable) => Promise<Result>,
): Promise<Result> {
  let broken: Error | undefined;
  const onError = (error: Error) => {
    broken = error;
  };
  const client = await checkOut(pool, onError);
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch(onError);
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}

/**
 * A client of the pool's, listened to from the moment in which it leaves the pool. The pool listens to idle ones alone,
 * and the loss of one that nobody listens to ends the process. It may come in the packet that has the client be free, before any
 * promise of it is settled: so this is a callback.
 */
function checkOut(pool: pg.Pool, onError: (error: Error) => void): Promise<pg.PoolClient> {
  return new Promise((resolve, reject) => {
    pool.connect((error, client) => {
      if (!client) return reject(error);
      client.on('error', onError);
      resolve(client);
    });
  });
}

/** SQLSTATEs of a server that is going away, coming up, or has no connection left, and of a transaction that it ended. */
const UNAVAILABLE_STATE = /^(?:08...|57P0[123]|53300|25P03)$/;
const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);
/** What pg says of connections, without a code. */
const PG_MESSAGE =
  /^(?:Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error)/;

/** Whether an error of pg's means that the database can't be had just now, rather than that a statement is wrong. */
export function isUnavailable(error: unknown): boolean {
  const { code = '', message = '' } = error as Partial<NodeJS.ErrnoException>;
  return UNAVAILABLE_STATE.test(code) || UNREACHABLE.has(code) || PG_MESSAGE.test(message);
}

/** Whether a statement gave up waiting for a row that another transaction holds (SQLSTATE 55P03). */
export function isLockTimeout(error: unknown): boolean {
  return (error as { code?: string }).code === '55P03';
}

/** Where the migrations are that this version of the service knows. */
const MIGRATIONS = path.join(projectRoot, 'migrations');

/**
 * For how long a migration waits for a table, in ms: less than others' statements, which queue up behind it, wait for
 * their locks. Who holds the table may do so for as long as the engine takes to answer.
 */
const TABLE_TIMEOUT_MS = 2000;

/** How often a migration tries to have its tables, and what it leaves to others between two tries, in ms. */
const TABLE_TRIES = 60;
const TABLE_PAUSE_MS = 500;

/**
 * Brings the schema up to date. Safe to call from many replicas at once: one migrates, the others wait for it. A schema that
 * is newer than this version is left as it is: see migrations/README.md.
 * @param directory where the migrations are
 * @throws when a migration fails, and then none has been run; when one was left out, as a newer one had been run before it
 */
export async function migrate(pool: pg.Pool, directory = MIGRATIONS): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await transaction(pool, (client) => migrateOnce(client, directory));
    } catch (error) {
      if (!isLockTimeout(error) || tries === TABLE_TRIES) throw error;
      await delay(jitter(TABLE_PAUSE_MS));
    }
  }
}

async function migrateOnce(client: Queryable, directory: string): Promise<void> {
  // Other replicas may be at it, and large tables take their time.
  const patiently = (text: string) => {
    const query = { text, query_timeout: MIGRATION_TIMEOUT_MS };
    return client.query<{ name: string }>(query);
  };
  await client.query('set local lock_timeout = 0');
  await patiently(`select pg_advisory_xact_lock(${MIGRATION_LOCK})`);
  await client.query(`set local lock_timeout = ${TABLE_TIMEOUT_MS}`);
  const { rows } = await patiently('select current_database() as name');
  const postgrator = new Postgrator({
    driver: 'pg',
    database: rows[0]?.name,
    schemaTable: 'schema_version',
    migrationPattern: path.join(directory, '*.do.*.sql'),
    execQuery: patiently,
  });
  await postgrator.migrate();
  await checkNoneLeftOut(client, await postgrator.getMigrations());
}

/** Only what is newer than the newest that was run is run: a lower number that comes later never would be. */
async function checkNoneLeftOut(client: Queryable, known: { version: number }[]): Promise<void> {
  const { rows } = await client.query<{ version: string }>('select version from schema_version');
  const run = new Set(rows.map(({ version }) => Number(version)));
  const leftOut = known.map(({ version }) => version).filter((version) => !run.has(version));
  if (leftOut.length > 0) {
    throw new Error(
      `Migration ${leftOut.join(', ')} is not in the database, where newer ones have been run: give it the next free number.`,
    );
  }
}
