import { createClient, unwrap } from 'dockbox-client';
import t from 'tap';
import { startApp } from '../../helpers/app.js';
import { tarGz } from '../../helpers/archives.js';
import { serve, startHttpServer } from '../../helpers/http-server.js';

t.test('the client calls the service', async (t) => {
  const app = await startApp(t);
  const archive = tarGz([{ name: 'hello/README', content: 'hello\n' }]);
  const server = await startHttpServer(t, serve({ '/hello.tar.gz': archive }));
  const client = createClient({ baseUrl: `${app.base}/` });

  const made = await unwrap(
    client.POST('/v1/dockbox', { body: { url: `${server.url}/hello.tar.gz`, name: 'hello' } }),
  );
  t.match(made, { name: 'hello', status: 'ready', message: String });
  const page = await unwrap(client.GET('/v1/dockbox', { params: { query: { limit: 1 } } }));
  t.same(
    page.items.map(({ id }) => id),
    [made.id],
  );
  const path = { id: 'hello' };
  t.match(await unwrap(client.GET('/v1/dockbox/{id}', { params: { path } })), { id: made.id });
  t.equal((await client.DELETE('/v1/dockbox/{id}', { params: { path } })).response.status, 204);
  t.equal(await unwrap(client.GET('/v1/dockbox')).then(({ items }) => items.length), 0);
});

t.test('what goes wrong is told in the words of the service, and with its code', async (t) => {
  const { base } = await startApp(t);
  const client = createClient({ baseUrl: base });
  const missing = unwrap(client.GET('/v1/dockbox/{id}', { params: { path: { id: 'missing' } } }));
  await t.rejects(missing, {
    name: 'DockboxError',
    statusCode: 404,
    code: 'DBX_NOT_FOUND',
    message: 'There is no dockbox "missing".',
  });
});

t.test('that nobody answers is told with the address', async (t) => {
  const client = createClient({ baseUrl: 'http://127.0.0.1:1/path/' });
  await t.rejects(unwrap(client.GET('/v1/dockbox')), {
    statusCode: 0,
    code: 'UNREACHABLE',
    message: 'Nothing answers at http://127.0.0.1:1/path: is a dockbox service running there?',
  });
});

t.test('an answer of somebody else is told as such', async (t) => {
  const proxy = await startHttpServer(t, (_request, response) =>
    response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad Gateway</h1>'),
  );
  const answer = unwrap(createClient({ baseUrl: proxy.url }).GET('/v1/dockbox'));
  await t.rejects(answer, { statusCode: 502, code: 'HTTP_502', message: /status 502/ });

  const page = await startHttpServer(t, (_request, response) =>
    response.writeHead(404).end('<h1>Nothing</h1>'),
  );
  await t.rejects(unwrap(createClient({ baseUrl: page.url }).GET('/v1/dockbox')), {
    statusCode: 404,
    code: 'HTTP_404',
    message:
      'What answered, with status 404 Not Found, does not seem to be a dockbox service: is its address right?',
  });

  const other = await startHttpServer(t, (_request, response) => response.end('<h1>Hello</h1>'));
  await t.rejects(unwrap(createClient({ baseUrl: other.url }).GET('/v1/dockbox')), {
    code: 'UNREACHABLE',
    message: /is no dockbox service/,
  });
});

t.test('an address that can be none is refused', async (t) => {
  for (const baseUrl of ['', 'localhost:3000', 'ftp://127.0.0.1', 'nonsense']) {
    t.throws(() => createClient({ baseUrl }), TypeError, baseUrl);
  }
});
