import { randomInt, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import t, { type Test } from 'tap';
import { buildApp } from '../../app.js';
import { isUnavailable, transaction } from '../../lib/database.js';
import { makeAuthority } from '../helpers/certificates.js';
import { startPostgres } from '../helpers/postgres.js';
import { startRelay } from '../helpers/relay.js';

/** A service that is configured by variables alone. */
async function build(t: Test, variables: NodeJS.ProcessEnv) {
  const mountPoint = await mkdtemp(path.join(os.tmpdir(), 'dockbox-database-'));
  t.teardown(() => rm(mountPoint, { recursive: true }));
  const app = await buildApp({ ...process.env, MOUNT_POINT: mountPoint, ...variables });
  t.teardown(() => app.close());
  return app;
}

t.test('a database that takes TLS connections alone', async (t) => {
  const authority = await makeAuthority(t);
  const database = await startPostgres(t, { tls: await authority.issue('server', 'IP:127.0.0.1') });
  const verify = { ...database, DATABASE_SSL: 'verify' };

  await t.test('is used, its certificate verified', async (t) => {
    const app = await build(t, { ...verify, DATABASE_CA_FILE: authority.file });
    const { rows } = await app.pg.pool.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()');
    t.strictSame(rows, [{ ssl: true }]);
    t.equal((await app.inject('/health/ready')).statusCode, 200);
  });

  await t.test('is used, its certificate taken as it is', async (t) => {
    const app = await build(t, { ...database, DATABASE_SSL: 'require' });
    const { rows } = await app.pg.pool.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()');
    t.strictSame(rows, [{ ssl: true }]);
  });

  await t.test('refuses a connection without TLS', async (t) => {
    await t.rejects(build(t, { ...database, DATABASE_SSL: 'disable' }), {
      message: /no encryption.*set DATABASE_SSL/s,
    });
  });

  await t.test('is refused when its authority is not known', async (t) => {
    await t.rejects(build(t, verify), { message: /DATABASE_CA_FILE/ });
  });

  await t.test('is refused when its authority is another one', async (t) => {
    const other = await makeAuthority(t);
    await t.rejects(build(t, { ...verify, DATABASE_CA_FILE: other.file }), { message: /DATABASE_CA_FILE/ });
  });
});

t.test('a database whose certificate is for another name is refused', async (t) => {
  const authority = await makeAuthority(t);
  const database = await startPostgres(t, { tls: await authority.issue('server', 'DNS:db.example') });
  const variables = { ...database, DATABASE_SSL: 'verify', DATABASE_CA_FILE: authority.file };
  await t.rejects(build(t, variables), {
    message: /127\.0\.0\.1 is not in the cert's list.*set DATABASE_HOST/s,
  });
});

t.test('a database that does not answer, or does not let us in, is named', async (t) => {
  await t.rejects(build(t, { DATABASE_HOST: '127.0.0.1', DATABASE_PORT: '1' }), {
    message: /database "dockbox" at 127\.0\.0\.1:1 .*ECONNREFUSED/,
  });
  await t.rejects(build(t, { DATABASE_PASSWORD: 'wrong' }), { message: /password authentication failed/ });
});

t.test('a connection that is lost in the moment in which a transaction gets it', async (t) => {
  const { DATABASE_HOST: host, DATABASE_PORT: port, DATABASE_NAME: database } = process.env;
  const { DATABASE_USER: user, DATABASE_PASSWORD: password } = process.env;
  const relay = await startRelay(t, `http://${host}:${port}`);
  const direct = new pg.Client({ host, port: Number(port), database, user, password });
  await direct.connect();
  t.teardown(() => direct.end());
  const address = { host, port: Number(new URL(relay.base).port) };
  const pool = new pg.Pool({ ...address, database, user, password, max: 1 });
  pool.on('error', () => {});
  t.teardown(() => pool.end());

  const { rows } = await pool.query<{ pid: number }>('select pg_backend_pid() as pid');
  const pid = rows[0]?.pid;
  const states = async () =>
    (await direct.query('select state, wait_event from pg_stat_activity where pid = $1', [pid])).rows;
  const key = randomInt(2 ** 31);
  await direct.query('select pg_advisory_lock($1)', [key]);
  const before = pool.query('select pg_advisory_xact_lock($1)', [key]);
  const refused = transaction(pool, (client) => client.query('select')).catch((error) => error);
  while ((await states())[0]?.wait_event !== 'advisory');
  // What the connection answers, and that it ends, arrives in one piece.
  relay.cut();
  await direct.query('select pg_advisory_unlock($1)', [key]);
  while ((await states())[0]?.state !== 'idle');
  await direct.query('select pg_terminate_backend($1)', [pid]);
  while ((await states()).length > 0);
  relay.join();

  await before;
  t.ok(isUnavailable(await refused), 'fails the transaction, and not the process');
  t.strictSame((await transaction(pool, (client) => client.query('select 1 as one'))).rows, [{ one: 1 }]);
});

t.test('replicas that start at the same time migrate once', async (t) => {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const { DATABASE_HOST: host, DATABASE_USER: user, DATABASE_PASSWORD: password } = process.env;
  const admin = new pg.Client({ host, port: Number(process.env.DATABASE_PORT), user, password });
  await admin.connect();
  await admin.query(`create database ${name}`);
  t.teardown(async () => {
    await admin.query(`drop database ${name} with (force)`);
    await admin.end();
  });

  const replicas = await Promise.all(Array.from({ length: 4 }, () => build(t, { DATABASE_NAME: name })));
  for (const { pg } of replicas) {
    const { rows: versions } = await pg.pool.query(
      'select version, count(*)::int as times from schema_version group by version',
    );
    t.ok(versions.length > 0);
    t.ok(versions.every(({ times }: { times: number }) => times === 1));
    t.equal((await pg.pool.query('select id from deployment')).rowCount, 1);
  }
});
