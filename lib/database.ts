import { readFileSync } from 'node:fs';
import path from 'node:path';
import type pg from 'pg';
import Postgrator from 'postgrator';
import type { Config } from './config.js';
import { projectRoot } from './paths.js';

/** Any number, as long as every replica uses the same one and nothing else in the database does. */
const MIGRATION_LOCK = 7_303_014;

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
    connectionTimeoutMillis: 10_000,
    application_name: 'dockbox',
  };
}

/**
 * Runs `work` in one transaction: committed when it returns, rolled back when it throws. A client whose ROLLBACK fails
 * is destroyed rather than given back, so that nobody inherits a half-open transaction.
 */
export async function transaction<Result>(
  pool: pg.Pool,
  work: (client: Queryable) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    client.release();
    return result;
  } catch (error) {
    await client.query('rollback').then(
      () => client.release(),
      (broken: Error) => client.release(broken),
    );
    throw error;
  }
}

/** Brings the schema up to date. Safe to call from many replicas at once: one migrates, the others wait for it. */
export async function migrate(pool: pg.Pool): Promise<void> {
  await transaction(pool, async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    const { rows } = await client.query<{ name: string }>('select current_database() as name');
    const postgrator = new Postgrator({
      driver: 'pg',
      database: rows[0]?.name,
      schemaTable: 'schema_version',
      migrationPattern: path.join(projectRoot, 'migrations', '*.sql'),
      execQuery: (query) => client.query(query),
    });
    await postgrator.migrate();
  });
}
