import t from 'tap';
import { startApp } from '../../../helpers/app.js';
import { call } from '../../../helpers/client.js';
import { bearer, callAs, makeKey } from '../../../helpers/credentials.js';

const API = '/v1/keys';

t.test('API keys', async (t) => {
  const app = await startApp(t, { AUTH: 'token' });
  const admin = await makeKey(app, { owner: 'root', scope: 'admin' });
  const ana = await makeKey(app, { owner: 'ana' });
  const bob = await makeKey(app, { owner: 'bob' });
  const listed = async (key: string) => (await callAs(app, key, 'GET', API)).body.items;

  await t.test('are made for their maker, and good for what they are for', async (t) => {
    const { status, body } = await callAs(app, ana.key, 'POST', API, { name: 'laptop' });
    t.equal(status, 201);
    t.match(body, { name: 'laptop', owner: 'ana', scope: 'user', expiresAt: null, lastUsedAt: null });
    t.match(body.key, /^dbx_[\w-]{43}$/);
    t.match((await callAs(app, body.key, 'GET', '/v1/session')).body, { owner: 'ana', scope: 'user' });
  });

  await t.test('are stored as hashes', async (t) => {
    const { rows } = await app.pg.pool.query('select api_key::text as row from api_key');
    t.ok(rows.length > 0);
    for (const { row } of rows) t.notMatch(row, ana.key.slice(4));
  });

  await t.test('have no more rights than what made them', async (t) => {
    const make = async (key: string, body: object) => {
      const { status, body: answer } = await callAs(app, key, 'POST', API, { name: 'new', ...body });
      return [status, answer.code ?? answer.scope];
    };
    const readonly = await makeKey(app, { owner: 'ana', scope: 'readonly' });
    t.strictSame(await make(ana.key, { scope: 'admin' }), [403, 'DBX_FORBIDDEN']);
    t.strictSame(await make(ana.key, { owner: 'bob' }), [403, 'DBX_FORBIDDEN']);
    t.strictSame(await make(ana.key, { scope: 'readonly' }), [201, 'readonly']);
    t.strictSame(await make(readonly.key, { scope: 'readonly' }), [403, 'DBX_READONLY']);
    t.strictSame(await make(admin.key, { owner: 'carl', scope: 'admin' }), [201, 'admin']);
  });

  await t.test('end with what made them at the latest', async (t) => {
    const short = await makeKey(app, { expiresIn: 60 });
    for (const wish of [{}, { expiresIn: 1000 }]) {
      const { body } = await callAs(app, short.key, 'POST', API, { name: 'longer', ...wish });
      t.equal(body.expiresAt, short.expiresAt?.toISOString());
    }
  });

  await t.test('are listed to their owner, and to admins, without the secret', async (t) => {
    const anas = await listed(ana.key);
    t.ok(anas.length > 1);
    t.ok(anas.every(({ owner }: { owner: string }) => owner === 'ana'));
    t.notMatch(JSON.stringify(anas), /dbx_/);
    const owners = new Set((await listed(admin.key)).map(({ owner }: { owner: string }) => owner));
    t.ok(owners.has('ana') && owners.has('bob'));
  });

  await t.test('are listed in pages', async (t) => {
    const ids: string[] = [];
    let cursor = '';
    do {
      const { body } = await callAs(app, admin.key, 'GET', `${API}?limit=2${cursor}`);
      ids.push(...body.items.map(({ id }: { id: string }) => id));
      cursor = body.nextCursor && `&cursor=${body.nextCursor}`;
    } while (cursor);
    const { rows } = await app.pg.pool.query('select id from api_key order by created_at desc, id desc');
    t.strictSame(
      ids,
      rows.map(({ id }) => id),
    );
  });

  await t.test('are revoked by their owner and by admins, at once', async (t) => {
    for (const by of [ana.key, admin.key]) {
      const key = await makeKey(app, { owner: 'ana' });
      t.equal((await callAs(app, bob.key, 'DELETE', `${API}/${key.id}`)).status, 404, "not by others'");
      t.equal((await callAs(app, key.key, 'GET', API)).status, 200);
      t.equal((await callAs(app, by, 'DELETE', `${API}/${key.id}`)).status, 204);
      t.match((await callAs(app, key.key, 'GET', API)).body, { code: 'DBX_CREDENTIAL_REVOKED' });
    }
  });

  await t.test('of admins are revoked by admins alone', async (t) => {
    const anas = await makeKey(app, { owner: 'ana', scope: 'admin' });
    t.equal((await callAs(app, ana.key, 'DELETE', `${API}/${anas.id}`)).body.code, 'DBX_FORBIDDEN');
    t.equal((await callAs(app, admin.key, 'DELETE', `${API}/${anas.id}`)).status, 204);
  });

  await t.test('tell when they were last used, which is written once a minute', async (t) => {
    const { id, key } = await makeKey(app);
    const row = async () => {
      const sql = 'select last_used_at as at, xmin::text as version from api_key where id = $1';
      return (await app.pg.pool.query(sql, [id])).rows[0];
    };
    t.equal((await row()).at, null);
    await callAs(app, key, 'GET', '/v1/session');
    const first = await row();
    t.type(first.at, Date);
    await callAs(app, key, 'GET', '/v1/session');
    t.strictSame(await row(), first, 'nothing was written');
    await app.pg.pool.query(`update api_key set last_used_at = now() - interval '2 minutes' where id = $1`, [
      id,
    ]);
    await callAs(app, key, 'GET', '/v1/session');
    t.ok((await row()).at >= first.at);
  });

  await t.test('have names and owners that can be printed', async (t) => {
    for (const wish of [{ name: 'a\u001b[2Jb' }, { name: 'a\nb' }, { name: '' }, { owner: 'a\u202eb' }]) {
      const { status } = await callAs(app, admin.key, 'POST', API, { name: 'new', ...wish });
      t.equal(status, 400, JSON.stringify(wish));
    }
  });

  await t.test('are as many as an owner may have', async (t) => {
    const answers = await Promise.all(
      Array.from({ length: 110 }, () => call(app, 'POST', API, { name: 'one of many' }, bearer(bob.key))),
    );
    t.ok(answers.some(({ body }) => body.code === 'DBX_QUOTA'));
  });
});
