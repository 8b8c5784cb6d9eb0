import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import t, { type Test } from 'tap';
import { buildApp } from '../../app.js';
import { readConfig } from '../../lib/config.js';
import { isUnavailable, poolOptions, transaction } from '../../lib/database.js';
import { makeAuthority } from '../helpers/certificates.js';
import { makeDeployment } from '../helpers/deployment.js';
import { beginHold, untilWaiting } from '../helpers/locks.js';
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
  const deployment = await makeDeployment(t);
  const { DATABASE_HOST, DATABASE_PORT } = deployment.env;
  const relay = await startRelay(t, `http://${DATABASE_HOST}:${DATABASE_PORT}`);
  const { port } = new URL(relay.base);
  const config = readConfig({ ...deployment.env, DATABASE_PORT: port });
  const pool = new pg.Pool({ ...poolOptions(config), max: 1 });
  pool.on('error', () => {});
  t.teardown(() => pool.end());

  const { rows } = await pool.query<{ pid: number }>('select pg_backend_pid() as pid');
  const pid = rows[0]?.pid;
  const states = async () =>
    (await deployment.pool.query('select state from pg_stat_activity where pid = $1', [pid])).rows;
  const lock = 'select pg_advisory_xact_lock(1)';
  const hold = await beginHold(t, deployment);
  await hold.query(lock);
  const before = pool.query(lock);
  const refused = transaction(pool, (client) => client.query('select')).catch((error) => error);
  await untilWaiting(deployment, 1);
  // What the connection answers, and that it ends, arrives in one piece.
  relay.cut();
  await hold.release();
  while ((await states())[0]?.state !== 'idle');
  await deployment.pool.query('select pg_terminate_backend($1)', [pid]);
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
