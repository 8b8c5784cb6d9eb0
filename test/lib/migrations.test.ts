import pg from 'pg';
import t, { type Test } from 'tap';
import { buildApp } from '../../app.js';
import { readConfig } from '../../lib/config.js';
import { migrate, poolOptions } from '../../lib/database.js';
import { createBox } from '../helpers/box.js';
import { call } from '../helpers/client.js';
import { makeDeployment } from '../helpers/deployment.js';
import { beginHold, untilWaiting } from '../helpers/locks.js';
import { makeMigrations, NEXT, NEXT_MIGRATION, ourMigrations, versionOf } from '../helpers/migrations.js';
import { findBreaks, readSchema } from '../helpers/schema.js';
import { startServer } from '../helpers/server.js';

/** The newest migration of the first release: no version is older. */
const FIRST_RELEASE = 30;

/** An empty database, and a pool as the service has it. */
async function makeDatabase(t: Test) {
  const deployment = await makeDeployment(t);
  const pool = new pg.Pool(poolOptions(readConfig(deployment.env)));
  t.teardown(() => pool.end());
  return { deployment, pool };
}

const versionsIn = async (pool: pg.Pool) => {
  const { rows } = await pool.query<{ version: string }>(
    'select version from schema_version order by version',
  );
  return rows.map(({ version }) => Number(version));
};

t.test('a server on the schema of the next version', async (t) => {
  const { deployment, pool } = await makeDatabase(t);
  const undo = { [`${NEXT}.undo.next.sql`]: 'alter table dockbox drop column colour; drop table thing;' };
  const next = await makeMigrations(t, NEXT, { ...NEXT_MIGRATION, ...undo });
  await migrate(pool, next);
  const versions = await versionsIn(pool);

  await t.test('starts, and leaves it as it is', async (t) => {
    const server = await startServer(t, deployment);
    t.equal((await call(server, 'GET', '/health/ready')).status, 200);
    t.same(await versionsIn(pool), versions);
    t.equal(versions.at(-1), NEXT);
    t.same((await pool.query('select from thing')).rows, []);
  });

  await t.test('makes boxes and deletes them', async (t) => {
    const server = await startServer(t, deployment);
    const id = await createBox(t, server);
    t.same((await pool.query('select colour from dockbox')).rows, [{ colour: 'blue' }]);
    t.equal((await call(server, 'DELETE', `/v1/dockbox/${id}`)).status, 204);
  });
});

t.test('a server that runs goes on while the next version migrates', async (t) => {
  const { deployment, pool } = await makeDatabase(t);
  const server = await startServer(t, deployment);
  const id = await createBox(t, server);
  // As a deletion or a stop does while it waits for the engine.
  const hold = await beginHold(t, deployment);
  await hold.query('update dockbox set last_modified = now()');
  const next = await makeMigrations(t, NEXT, NEXT_MIGRATION);
  const migrated = migrate(pool, next);

  await t.test('which gives way to whoever came after it', async (t) => {
    // Whoever asks for the table now waits behind the migration, and that waits for the table.
    await untilWaiting(deployment, 1);
    t.equal((await call(server, 'GET', `/v1/dockbox/${id}`)).status, 200);
    t.notOk((await versionsIn(pool)).includes(NEXT));
  });

  await t.test('and gets its turn', async (t) => {
    await hold.release();
    await migrated;
    t.ok((await versionsIn(pool)).includes(NEXT));
    t.equal((await call(server, 'GET', `/v1/dockbox/${id}`)).status, 200);
  });
});

t.test('a migration that fails leaves nothing behind', async (t) => {
  const { pool } = await makeDatabase(t);
  await migrate(pool, await makeMigrations(t, FIRST_RELEASE));
  const versions = await versionsIn(pool);
  const broken = await makeMigrations(t, FIRST_RELEASE, {
    '990.do.first.sql': 'create table first ();',
    '991.do.second.sql': 'alter table nowhere add column a text;',
  });
  await t.rejects(migrate(pool, broken), /nowhere/);
  t.same(await versionsIn(pool), versions);
  t.same((await pool.query("select to_regclass('first') as first")).rows, [{ first: null }]);
});

t.test('a migration with a lower number than one that was run is told', async (t) => {
  const { pool } = await makeDatabase(t);
  await migrate(pool, await makeMigrations(t, FIRST_RELEASE, { '990.do.a.sql': 'create table a ();' }));
  const late = await makeMigrations(t, FIRST_RELEASE, {
    '990.do.a.sql': 'create table a ();',
    '989.do.b.sql': 'create table b ();',
  });
  await t.rejects(migrate(pool, late), /Migration 989 is not in the database/);
});

t.test('a migration that was changed after it had been run is told', async (t) => {
  const { deployment, pool } = await makeDatabase(t);
  await migrate(pool);
  await pool.query("update schema_version set md5 = 'another' where version = 1");
  await t.rejects(buildApp(deployment.env), /MD5 checksum failed for migration \[1\]/);
});

t.test('what the version before can not live with is found', async (t) => {
  const { pool } = await makeDatabase(t);
  await migrate(pool, await makeMigrations(t, FIRST_RELEASE));
  const before = await readSchema(pool);
  const breaks = async (sql: string) => {
    const client = await pool.connect();
    try {
      await client.query('begin');
      await client.query(sql);
      // Within the transaction, which is then undone.
      return findBreaks(before, await readSchema(client));
    } finally {
      await client.query('rollback');
      client.release();
    }
  };
  for (const [sql, found] of [
    ['alter table dockbox drop column ref', /dockbox.ref is gone/],
    ['alter table dockbox rename column ref to version', /dockbox.ref is gone/],
    ['drop table rate', /rate.client is gone/],
    ['alter table dockbox alter column url type varchar(99)', /dockbox.url is character varying\(99\) now/],
    ['alter table dockbox alter column ref set not null', /dockbox.ref is required now/],
    ['alter table dockbox add column colour text not null', /dockbox.colour is required now/],
    ['alter table connection alter column opened_at drop default', /connection.opened_at is required now/],
    ["alter table dockbox add check (url <> '')", /dockbox_url_check .* is new/],
    ['create unique index on dockbox (url)', /UNIQUE INDEX .* is new/],
    ['alter table connection rename constraint connection_replica_id_fkey to other', /_fkey .* is gone/],
  ] as const) {
    t.match((await breaks(sql)).join('\n'), found, sql);
  }
  for (const sql of [
    'alter table dockbox add column colour text unique',
    'alter table dockbox add column colour integer not null default 1 check (colour > 0)',
    'create table thing (id uuid primary key, dockbox_id uuid not null references dockbox (id))',
    'create index on dockbox (url)',
    'alter table dockbox alter column url drop not null',
  ]) {
    t.same(await breaks(sql), [], sql);
  }
});

t.test('each migration since the first release is one that the version before can live with', async (t) => {
  const { pool } = await makeDatabase(t);
  await migrate(pool, await makeMigrations(t, FIRST_RELEASE));
  let before = await readSchema(pool);
  for (const file of await ourMigrations()) {
    if (versionOf(file) <= FIRST_RELEASE) continue;
    await migrate(pool, await makeMigrations(t, versionOf(file)));
    const after = await readSchema(pool);
    t.same(findBreaks(before, after), [], file);
    before = after;
  }
  t.same(await versionsIn(pool), [0, ...(await ourMigrations()).map(versionOf)]);
});
