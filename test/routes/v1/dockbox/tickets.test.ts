import t from 'tap';
import { startApp, startReplica } from '../../../helpers/app.js';
import { createBoxOf } from '../../../helpers/box.js';
import { call } from '../../../helpers/client.js';
import { bearer, bearerProtocol, callAs, insertBoxOf, makeKey } from '../../../helpers/credentials.js';
import { type Handshake, handshake } from '../../../helpers/handshake.js';

const API = '/v1/dockbox';

const codeOf = ({ status, code }: Handshake) => code ?? status;

t.test('a ticket', async (t) => {
  const app = await startApp(t, { AUTH: 'token' });
  const { key } = await makeKey(app);
  const id = await insertBoxOf(app, 'ana', 'anas');
  const make = async (body?: object) => (await callAs(app, key, 'POST', `${API}/${id}/ticket`, body)).body;
  const connect = async (to: string, ticket: string, query = '', service: { base: string } = app) =>
    codeOf(await handshake(t, service, `${API}/ws/${to}?ticket=${ticket}${query}`));

  await t.test('lets its bearer connect once, at the address that it came with', async (t) => {
    const before = Date.now();
    const { ticket, url, expiresAt } = await make();
    t.match(ticket, /^dbt_[\w-]{43}$/);
    t.equal(url, `${app.base.replace('http', 'ws')}${API}/ws/${id}?ticket=${ticket}`);
    t.ok(Math.abs(Date.parse(expiresAt) - before - 60_000) < 10_000, 'for a minute');
    const { pathname, search } = new URL(url);
    t.equal((await handshake(t, app, pathname + search)).status, 101);
    t.equal(await connect(id, ticket), 'DBX_BAD_CREDENTIAL', 'and not again');
  });

  await t.test('is used up by one of those who try at the same time, on all replicas', async (t) => {
    const replicas = [app, await startReplica(t, app.deployment)];
    for (let round = 0; round < 5; round += 1) {
      const { ticket } = await make();
      const tries = [...replicas, ...replicas, ...replicas, ...replicas];
      const answers = await Promise.all(tries.map((replica) => connect(id, ticket, '', replica)));
      t.equal(answers.filter((answer) => answer === 101).length, 1, answers.join(' '));
      t.ok(answers.every((answer) => answer === 101 || answer === 'DBX_BAD_CREDENTIAL'));
    }
  });

  await t.test('is not used up by a connect that fails', async (t) => {
    const { ticket } = await make();
    t.equal(await connect(id, ticket, '&cols=0'), 'FST_ERR_VALIDATION');
    t.equal(await connect('anas', ticket), 101);
  });

  await t.test('is for one box, and for its terminal alone when it names one', async (t) => {
    const other = await insertBoxOf(app, 'ana', 'other');
    const { ticket } = await make({ terminal: 'tests' });
    for (const box of [other, 'other'])
      t.equal(await connect(box, ticket, '&terminal=tests'), 'DBX_NOT_FOUND');
    t.equal(await connect(id, ticket), 'DBX_FORBIDDEN');
    t.equal(await connect(id, ticket, '&terminal='), 'DBX_FORBIDDEN');
    t.equal(await connect(id, ticket, '&terminal=tests&terminal=main'), 'FST_ERR_VALIDATION');
    t.equal(await connect(id, ticket, '&terminal=tests'), 101);
  });

  await t.test("is good for another owner's box when an admin makes it", async (t) => {
    const { key: admin } = await makeKey(app, { owner: 'root', scope: 'admin' });
    for (const kind of ['ticket', 'shares']) {
      const { status, body } = await callAs(app, admin, 'POST', `${API}/${id}/${kind}`, {});
      t.equal(status, 201);
      t.equal(await connect(id, body.ticket), 101, kind);
      const other = await insertBoxOf(app, 'root');
      t.equal(await connect(other, body.ticket), kind === 'ticket' ? 'DBX_BAD_CREDENTIAL' : 'DBX_NOT_FOUND');
    }
  });

  await t.test('to watch does not let type', async (t) => {
    const { ticket, url } = await make({ readonly: true });
    t.match(url, /[?&]readonly=true/);
    t.equal(await connect(id, ticket), 'DBX_READONLY');
    t.equal(await connect(id, ticket, '&readonly=true&terminal='), 'DBX_READONLY');
    t.equal(await connect(id, ticket, '&readonly=true'), 101);
  });

  await t.test('is for the time that it says', async (t) => {
    const { ticket } = await make({ expiresIn: 1 });
    let answer: string | number;
    // Not used up: what makes it fail comes after it was looked at.
    do answer = await connect(id, ticket, '&cols=0');
    while (answer === 'FST_ERR_VALIDATION');
    t.equal(answer, 'DBX_CREDENTIAL_EXPIRED');
    t.equal((await callAs(app, key, 'POST', `${API}/${id}/ticket`, { expiresIn: 3601 })).status, 400);
  });

  await t.test('ends with the key that made it', async (t) => {
    const made = await makeKey(app);
    const { body } = await callAs(app, made.key, 'POST', `${API}/${id}/ticket`);
    await callAs(app, key, 'DELETE', `/v1/keys/${made.id}`);
    t.equal(await connect(id, body.ticket), 'DBX_CREDENTIAL_REVOKED');
  });

  await t.test('is no key, and a key no ticket', async (t) => {
    const { ticket } = await make();
    t.equal((await callAs(app, ticket, 'GET', API)).body.code, 'DBX_FORBIDDEN');
    t.equal(await connect(id, key), 'DBX_BAD_CREDENTIAL');
    t.equal(await connect(id, `${ticket}&ticket=${ticket}`), 'DBX_BAD_CREDENTIAL');
  });

  await t.test('that has expired is removed, as are sessions and long-ended keys', async (t) => {
    const { removeEnded } = await import('../../../../lib/auth/liveness.js');
    const old = await makeKey(app);
    await app.pg.pool.query(`update ticket set expires_at = now() - interval '1 s'`);
    await app.pg.pool.query(`update api_key set revoked_at = now() - interval '31 days' where id = $1`, [
      old.id,
    ]);
    await removeEnded(app.pg.pool);
    t.equal((await app.pg.pool.query('select from ticket')).rowCount, 0);
    t.equal((await app.pg.pool.query('select from api_key where id = $1', [old.id])).rowCount, 0);
    t.equal((await callAs(app, key, 'GET', API)).status, 200);
  });
});

t.test('a share', async (t) => {
  const app = await startApp(t, { AUTH: 'token' });
  const replica = await startReplica(t, app.deployment);
  const { key } = await makeKey(app);
  const id = await createBoxOf(t, app, key);
  const make = async (body?: object) => (await callAs(app, key, 'POST', `${API}/${id}/shares`, body)).body;
  const list = async () => (await callAs(app, key, 'GET', `${API}/${id}/shares`)).body.items;
  const open = (address: string, service: { base: string } = app) => {
    const { pathname, search } = new URL(address);
    return handshake(t, service, pathname + search);
  };

  await t.test('lets its bearer connect many times, read the box, and resize its terminal', async (t) => {
    const { url, ticket } = await make({ name: 'Zoë’s', terminal: 'pair' });
    const [one, two] = [await open(url), await open(url, replica)];
    t.strictSame([one.status, two.status], [101, 101]);
    const { status, body } = await call(app, 'GET', `${API}/${id}?ticket=${ticket}`);
    t.equal(status, 200);
    t.equal(body.owner, undefined, 'whose it is, is not told');
    const resize = (terminal: string) =>
      call(app, 'POST', `${API}/${id}/terminals/${terminal}/size?ticket=${ticket}`, { cols: 90, rows: 30 });
    t.equal((await resize('pair')).status, 204);
    t.equal((await resize('main')).body.code, 'DBX_FORBIDDEN');
  });

  await t.test('to watch does not resize', async (t) => {
    const { ticket } = await make({ readonly: true });
    const size = `${API}/${id}/terminals/main/size?ticket=${ticket}`;
    t.equal((await call(app, 'POST', size, { cols: 90, rows: 30 })).body.code, 'DBX_READONLY');
  });

  await t.test('is listed without its ticket, and revoked', async (t) => {
    const { id: share, ticket, url } = await make({ name: 'for Bob', expiresIn: 3600 });
    t.match((await list())[0], { id: share, name: 'for Bob', terminal: null, readonly: false });
    t.notMatch(JSON.stringify(await list()), ticket);
    t.equal((await callAs(app, key, 'DELETE', `${API}/${id}/shares/${share}`)).status, 204);
    t.notOk((await list()).some((item: { id: string }) => item.id === share));
    t.equal(codeOf(await open(url)), 'DBX_BAD_CREDENTIAL');
  });

  await t.test('closes what is open with it when it ends, whatever ends it, on every replica', async (t) => {
    const maker = await makeKey(app);
    const endings: Record<string, (made: { id: string }) => Promise<unknown>> = {
      'This share was revoked.': ({ id: share }) =>
        callAs(app, key, 'DELETE', `${API}/${id}/shares/${share}`),
      'What opened this has expired.': ({ id: share }) =>
        app.pg.pool.query('update ticket set expires_at = now() + $2::interval where id = $1', [
          share,
          '0 s',
        ]),
      'The API key that opened this was revoked.': () => callAs(app, key, 'DELETE', `/v1/keys/${maker.id}`),
    };
    for (const [reason, end] of Object.entries(endings)) {
      const by = reason.includes('key') ? maker.key : key;
      const expiresIn = reason.includes('expired') ? { expiresIn: 3 } : {};
      const { body } = await callAs(app, by, 'POST', `${API}/${id}/shares`, expiresIn);
      const clients = [await open(body.url), await open(body.url, replica)];
      t.strictSame(clients.map(codeOf), [101, 101]);
      await end(body);
      for (const { closed } of clients) t.strictSame(await closed, { code: 1008, reason });
    }
  });
});

t.test('what ends a credential closes the terminals that it opened, and no others', async (t) => {
  const app = await startApp(t, { AUTH: 'token' });
  const { key } = await makeKey(app);
  const id = await createBoxOf(t, app, key);
  const path = `${API}/ws/${id}`;
  const staying = await handshake(t, app, path, { headers: bearer(key) });

  await t.test('a key that is revoked', async (t) => {
    const { key: other, id: otherId } = await makeKey(app);
    const { closed } = await handshake(t, app, path, { headers: bearer(other) });
    await callAs(app, key, 'DELETE', `/v1/keys/${otherId}`);
    t.strictSame(await closed, { code: 1008, reason: 'The API key that opened this was revoked.' });
  });

  await t.test('a key that expires', async (t) => {
    const { key: other } = await makeKey(app, { expiresIn: 2 });
    const { closed } = await handshake(t, app, path, { headers: bearer(other) });
    t.strictSame(await closed, { code: 1008, reason: 'The API key that opened this has expired.' });
  });

  await t.test('a browser that signs out, also with a ticket', async (t) => {
    const answer = await callAs(app, key, 'POST', '/v1/session');
    const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? '';
    const headers = { cookie, origin: app.base };
    const { body } = await call(app, 'POST', `${API}/${id}/ticket`, {}, headers);
    const clients = [
      await handshake(t, app, path, { headers }),
      await handshake(t, app, `${path}?ticket=${body.ticket}`),
    ];
    await call(app, 'DELETE', '/v1/session', undefined, headers);
    for (const { closed } of clients)
      t.strictSame(await closed, { code: 1008, reason: 'You have signed out.' });
  });

  t.equal(staying.socket.readyState, staying.socket.OPEN);
});

t.test('a key as a subprotocol, as browsers send it', async (t) => {
  const app = await startApp(t, { AUTH: 'token' });
  const { key } = await makeKey(app);
  const id = await insertBoxOf(app, 'ana');
  const open = (...protocols: string[]) => handshake(t, app, `${API}/ws/${id}`, { protocols });

  for (const protocol of ['v5.channel.k8s.io', 'v4.channel.k8s.io', 'binary.k8s.io']) {
    t.match(await open(protocol, bearerProtocol(key)), { status: 101, protocol });
    t.match(await open(bearerProtocol(key), protocol), { status: 101, protocol });
  }
  // As a browser does, this client insists on an answer; nothing but the secret was offered, which is not sent back.
  await t.rejects(open(bearerProtocol(key)), { message: 'Server sent no subprotocol' });
  for (const wrong of [
    [bearerProtocol('dbx_wrong'), 'binary.k8s.io'],
    [bearerProtocol(key), `${bearerProtocol(key)}AA`, 'binary.k8s.io'],
    ['base64url.bearer.authorization.k8s.io.', 'binary.k8s.io'],
  ]) {
    t.equal(codeOf(await open(...wrong)), 'DBX_BAD_CREDENTIAL');
  }
});
