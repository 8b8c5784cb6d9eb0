import t from 'tap';
import { startApp } from '../../../helpers/app.js';
import { type Answer, call } from '../../../helpers/client.js';
import { bearer, callAs, insertBoxOf, makeKey } from '../../../helpers/credentials.js';
import { handshake } from '../../../helpers/handshake.js';

const API = '/v1/session';

/** The cookie that an answer sets, as a browser sends it back. */
const cookieOf = ({ headers }: Answer) => ({ cookie: headers.get('set-cookie')?.split(';')[0] ?? '' });

t.test('a browser', async (t) => {
  const app = await startApp(t, { AUTH: 'token' });
  const { key, id: keyId } = await makeKey(app, { owner: 'ana' });
  const signIn = (headers = {}) => call(app, 'POST', API, { key }, headers);
  const own = { origin: app.base };

  await t.test('signs in with a key, and is known by a cookie that pages can not read', async (t) => {
    const answer = await signIn();
    t.equal(answer.status, 201);
    t.match(answer.body, { auth: 'token', owner: 'ana', scope: 'user', credential: 'session' });
    const cookie = answer.headers.get('set-cookie') ?? '';
    t.match(cookie, /^dockbox_session=dbs_[\w-]{43}; Path=\/; Expires=.*; HttpOnly; SameSite=Strict$/);
    t.match((await call(app, 'GET', API, undefined, cookieOf(answer))).body, answer.body);
    const { rows } = await app.pg.pool.query('select session::text as row from session');
    t.notMatch(JSON.stringify(rows), cookieOf(answer).cookie.split('dbs_')[1]);
  });

  await t.test('signs in with what its Authorization header has', async (t) => {
    t.equal((await callAs(app, key, 'POST', API)).status, 201);
  });

  await t.test('does not sign in with anything else', async (t) => {
    for (const wrong of [`dbx_${'A'.repeat(43)}`, `dbt_${'A'.repeat(43)}`, 'secret']) {
      const answer = await call(app, 'POST', API, { key: wrong });
      t.equal(answer.status, 401, wrong);
      t.equal(answer.headers.get('set-cookie'), null);
    }
    t.equal((await call(app, 'POST', API)).status, 401);
  });

  await t.test('changes things from a page of the service alone', async (t) => {
    const cookie = cookieOf(await signIn());
    const remove = async (headers: object) => {
      const id = await insertBoxOf(app, 'ana');
      const { status, body } = await call(app, 'DELETE', `/v1/dockbox/${id}`, undefined, {
        ...cookie,
        ...headers,
      });
      return body?.code ?? status;
    };
    t.equal(await remove({}), 'DBX_CROSS_ORIGIN', 'which has to be known');
    t.equal(await remove({ origin: 'https://evil.example' }), 'DBX_CROSS_ORIGIN');
    t.equal(await remove({ origin: 'null' }), 'DBX_CROSS_ORIGIN');
    t.equal(await remove({ 'sec-fetch-site': 'same-site' }), 'DBX_CROSS_ORIGIN');
    t.equal(await remove(own), 204);
    t.equal(await remove({ 'sec-fetch-site': 'same-origin' }), 204);
    const read = await call(app, 'GET', '/v1/dockbox', undefined, {
      ...cookie,
      origin: 'https://evil.example',
    });
    t.equal(read.status, 200, 'whose answer CORS keeps from that page');
    t.equal(read.headers.get('access-control-allow-origin'), null);
  });

  await t.test('does not sign in for a page of others', async (t) => {
    t.equal((await signIn({ origin: 'https://evil.example' })).body.code, 'DBX_CROSS_ORIGIN');
  });

  await t.test('opens terminals from a page of the service alone', async (t) => {
    const cookie = cookieOf(await signIn());
    const id = await insertBoxOf(app, 'ana');
    const open = async (headers: object) =>
      (await handshake(t, app, `/v1/dockbox/ws/${id}`, { headers: { ...cookie, ...headers } })).status;
    t.equal(await open(own), 101);
    t.equal(await open({ origin: 'https://evil.example' }), 403);
  });

  await t.test('signs out', async (t) => {
    const cookie = cookieOf(await signIn());
    const answer = await call(app, 'DELETE', API, undefined, { ...cookie, ...own });
    t.equal(answer.status, 204);
    t.match(answer.headers.get('set-cookie'), /^dockbox_session=; .*Expires=Thu, 01 Jan 1970/);
    t.equal((await call(app, 'GET', API, undefined, cookie)).status, 401);
  });

  await t.test('is signed out when its key is revoked', async (t) => {
    const cookie = cookieOf(await signIn());
    t.equal((await callAs(app, key, 'DELETE', `/v1/keys/${keyId}`)).status, 204);
    t.equal((await call(app, 'GET', API, undefined, cookie)).body.code, 'DBX_CREDENTIAL_REVOKED');
  });

  await t.test('is signed in for no longer than its key is good', async (t) => {
    const short = await makeKey(app, { expiresIn: 60 });
    const { body } = await callAs(app, short.key, 'POST', API);
    t.equal(body.expiresAt, short.expiresAt?.toISOString());
  });

  await t.test('is known by its header first', async (t) => {
    const other = await makeKey(app, { owner: 'bob' });
    const cookie = cookieOf(await callAs(app, other.key, 'POST', API));
    const carl = await makeKey(app, { owner: 'carl' });
    const { body } = await call(app, 'GET', API, undefined, { ...cookie, ...bearer(carl.key) });
    t.equal(body.owner, 'carl');
    const wrong = await call(app, 'GET', API, undefined, { ...cookie, authorization: 'Bearer dbx_wrong' });
    t.equal(wrong.status, 401, 'also when that is not good');
  });
});

t.test('with TLS, which a trusted proxy tells of, the cookie is never sent without', async (t) => {
  const app = await startApp(t, { AUTH: 'token', TRUST_PROXY: 'true' });
  const { key } = await makeKey(app);
  const https = { ...bearer(key), 'x-forwarded-proto': 'https', 'x-forwarded-host': 'box.example' };
  const answer = await call(app, 'POST', API, {}, https);
  t.match(answer.headers.get('set-cookie'), /; Secure/);
});

t.test('without authentication, a page is told that nobody needs to sign in', async (t) => {
  const app = await startApp(t);
  t.match((await call(app, 'GET', API)).body, { auth: 'none', owner: 'local', scope: 'admin' });
  const answer = await call(app, 'POST', API);
  t.equal(answer.status, 400);
  t.equal(answer.headers.get('set-cookie'), null);
});
