import Fastify from 'fastify';
import t from 'tap';
import { LOCAL } from '../../lib/auth/principal.js';
import { startApp } from '../helpers/app.js';
import { call } from '../helpers/client.js';
import { type App, bearer, insertBoxOf, makeKey } from '../helpers/credentials.js';
import { handshake } from '../helpers/handshake.js';

/** Everybody who may come along; the boxes are ana's. */
const EVERYBODY = [
  'nobody',
  'wrong',
  'malformed',
  'expired',
  'revoked',
  'other',
  'readonly',
  'own',
  'admin',
  'ticket',
  'share',
] as const;
type Who = (typeof EVERYBODY)[number];

/** What each is answered: a status, with the error's code where there is one. */
type Answers = Record<Who, string>;

const STRANGERS = {
  nobody: '401 DBX_NO_CREDENTIAL',
  wrong: '401 DBX_BAD_CREDENTIAL',
  malformed: '401 DBX_BAD_CREDENTIAL',
  expired: '401 DBX_CREDENTIAL_EXPIRED',
  revoked: '401 DBX_CREDENTIAL_REVOKED',
};
const NO_BOX = '404 DBX_NOT_FOUND';
const FORBIDDEN = '403 DBX_FORBIDDEN';

/** Answers to those who may look, and to nobody with a ticket. */
const read = (status: string, other = NO_BOX): Answers => ({
  ...STRANGERS,
  ...{ other, readonly: status, own: status, admin: status, ticket: FORBIDDEN, share: FORBIDDEN },
});
/** Answers to those who may change something. */
const write = (status: string, other = NO_BOX): Answers => ({
  ...read(status, other),
  readonly: '403 DBX_READONLY',
});
const everybody = (status: string) => Object.fromEntries(EVERYBODY.map((who) => [who, status])) as Answers;

/** Let in far enough to be told that the source is no source. */
const UNUSABLE = '400 DBX_INVALID_SOURCE';

/** What every route answers to whom. `:id` stands for a box of ana's, `:key` for a key of hers. */
const ROUTES: Record<string, { path?: string; body?: object; answers: Answers }> = {
  'GET /': { answers: everybody('200') },
  'GET /assets/:name': { path: '/assets/none.js', answers: everybody('404 DBX_NO_ROUTE') },
  'GET /icon.svg': { answers: everybody('200') },
  'GET /badge.svg': { answers: everybody('200') },
  'GET /health': { answers: everybody('200') },
  'GET /health/ready': { answers: everybody('200') },
  'GET /metrics': { answers: read('200', '200') },
  'GET /openapi.json': { answers: everybody('200') },
  'GET /docs/': { answers: everybody('200') },
  'GET /docs/json': { answers: everybody('200') },
  'GET /docs/yaml': { answers: everybody('200') },
  'GET /docs/static/index.html': { answers: everybody('302') },
  'GET /docs/static/swagger-initializer.js': { answers: everybody('200') },
  'GET /docs/static/*': { path: '/docs/static/index.css', answers: everybody('200') },

  'POST /v1/dockbox': { body: { url: 'ftp://host/a' }, answers: write(UNUSABLE, UNUSABLE) },
  'GET /v1/dockbox': { answers: read('200', '200') },
  'GET /v1/dockbox/:id': { answers: { ...read('200'), share: '200' } },
  'DELETE /v1/dockbox/:id': { answers: write('204') },
  'POST /v1/dockbox/:id/stop': { answers: write('200') },

  'GET /v1/dockbox/ws/:id': {
    path: '/v1/dockbox/ws/:id',
    answers: { ...write('101'), ticket: '101', share: '101' },
  },
  'GET /v1/dockbox/:id/terminals': { answers: read('200') },
  'DELETE /v1/dockbox/:id/terminals/:terminal': {
    path: '/v1/dockbox/:id/terminals/main',
    answers: write('404 DBX_NO_TERMINAL'),
  },
  'POST /v1/dockbox/:id/terminals/:terminal/size': {
    path: '/v1/dockbox/:id/terminals/main/size',
    body: { cols: 80, rows: 24 },
    answers: { ...write('404 DBX_NO_TERMINAL'), share: '404 DBX_NO_TERMINAL' },
  },

  'POST /v1/dockbox/:id/ticket': { answers: write('201') },
  'POST /v1/dockbox/:id/shares': { answers: write('201') },
  'GET /v1/dockbox/:id/shares': { answers: read('200') },
  'DELETE /v1/dockbox/:id/shares/:share': {
    path: '/v1/dockbox/:id/shares/none',
    answers: write('404 DBX_NO_SHARE'),
  },

  'POST /v1/keys': { body: { name: 'new' }, answers: write('201', '201') },
  'GET /v1/keys': { answers: read('200', '200') },
  'DELETE /v1/keys/:id': { path: '/v1/keys/:key', answers: write('204', '404 DBX_NO_KEY') },

  'POST /v1/session': {
    answers: { ...read('201', '201'), ticket: '401 DBX_NO_CREDENTIAL', share: '401 DBX_NO_CREDENTIAL' },
  },
  'GET /v1/session': { answers: read('200', '200') },
  'DELETE /v1/session': { answers: read('204', '204') },
};

/** The headers of those who come with a key, or what they take for one. */
async function makeHeaders(app: App): Promise<Partial<Record<Who, Record<string, string>>>> {
  const keys = {
    expired: await makeKey(app),
    revoked: await makeKey(app),
    other: await makeKey(app, { owner: 'bob' }),
    readonly: await makeKey(app, { scope: 'readonly' }),
    own: await makeKey(app),
    admin: await makeKey(app, { owner: 'root', scope: 'admin' }),
  };
  await app.pg.pool.query(`update api_key set expires_at = now() where id = $1`, [keys.expired.id]);
  await app.pg.pool.query(`update api_key set revoked_at = now() where id = $1`, [keys.revoked.id]);
  const wrong = `dbx_${'A'.repeat(43)}`;
  return {
    ...Object.fromEntries(Object.entries(keys).map(([who, { key }]) => [who, bearer(key)])),
    ...{ wrong: bearer(wrong), malformed: { authorization: wrong } },
  };
}

/** A box of ana's, and the query of whoever has a ticket to it. */
async function makeBox(app: App, who: Who): Promise<{ id: string; query: string }> {
  const id = await insertBoxOf(app, 'ana');
  if (who !== 'ticket' && who !== 'share') return { id, query: '' };
  const wish = { kind: who, boxId: id, expiresIn: 60 };
  const { secret } = await app.auth.tickets.create({ ...LOCAL, owner: 'ana' }, wish);
  return { id, query: `?ticket=${secret}` };
}

t.test('every route answers everybody as it should', async (t) => {
  const app = await startApp(t, { AUTH: 'token', OWNER_MAX_BOXES: '0' });
  const routes = app.routeList
    .filter(({ method }) => method !== 'HEAD' && method !== 'OPTIONS')
    .map(({ method, url }) => `${method} ${url}`);
  t.strictSame(routes.sort(), Object.keys(ROUTES).sort(), 'all routes are in the table, and no others');

  const everybodys = await makeHeaders(app);
  for (const [route, { path, body, answers }] of Object.entries(ROUTES)) {
    const [method = '', url = ''] = route.split(' ');
    const answer = async (who: Who): Promise<string> => {
      const { id, query } = await makeBox(app, who);
      const headers = everybodys[who] ?? {};
      let target = (path ?? url).replace(':id', id);
      if (target.includes(':key')) target = target.replace(':key', (await makeKey(app)).id);
      if (answers.own === '101') {
        const { status, code } = await handshake(t, app, target + query, { headers });
        return code ? `${status} ${code}` : String(status);
      }
      const response = await fetch(`${app.base}${target}${query}`, {
        redirect: 'manual',
        method,
        headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
        ...(body && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return response.status < 400 ? String(response.status) : `${response.status} ${JSON.parse(text).code}`;
    };
    const found = await Promise.all(EVERYBODY.map(async (who) => [who, await answer(who)]));
    t.strictSame(Object.fromEntries(found), answers, route);
  }
});

t.test('a service with a route that does not declare its access does not start', async (t) => {
  const app = await startApp(t, { AUTH: 'token' });
  const other = Fastify();
  t.teardown(() => other.close());
  const { default: auth } = await import('../../plugins/auth.js');
  const { default: fp } = await import('fastify-plugin');
  for (const name of ['env', 'db', 'cors', 'websocket', 'audit', 'limits']) {
    await other.register(fp(async () => {}, { name }));
  }
  other.decorate('config', app.config).decorate('pg', app.pg);
  await other.register(auth);
  other.get('/forgotten', async () => 'anything');
  await t.rejects(async () => await other.ready(), /The route GET \/forgotten does not declare its access/);
});

t.test('an answer that asks who one is tells how to say it', async (t) => {
  const app = await startApp(t, { AUTH: 'token' });
  const { status, headers, body } = await call(app, 'GET', '/v1/dockbox');
  t.equal(status, 401);
  t.equal(headers.get('www-authenticate'), 'Bearer realm="dockbox"');
  t.match(body.message, /Authorization: Bearer dbx_/);
});
