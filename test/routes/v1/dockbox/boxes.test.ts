import { existsSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import { startApp } from '../../../helpers/app.js';
import { tarGz } from '../../../helpers/archives.js';
import { call, connect, until } from '../../../helpers/client.js';
import { Gate } from '../../../helpers/gate.js';
import { startGitServer } from '../../../helpers/git-server.js';
import { neverAnswer, serve, startHttpServer } from '../../../helpers/http-server.js';

const archive = tarGz([{ name: 'hello/README', content: 'hello\n' }]);
const API = '/v1/dockbox';

t.test('POST makes a box from a git repository', async (t) => {
  const app = await startApp(t);
  const server = await startGitServer(t);
  const repository = await server.createRepository('hello.git');
  await repository.commit({ 'src/hello.sh': 'echo hello\n' });
  await repository.branch('topic', { 'src/topic.sh': 'echo topic\n' });

  const { status, headers, body } = await call(app, 'POST', API, {
    url: `git::${repository.url}`,
    ref: 'topic',
    directory: 'src',
    name: 'hello',
  });

  t.equal(status, 201);
  t.equal(headers.get('location'), `${API}/${body.id}`);
  t.match(body, {
    id: /^[0-9a-f-]{36}$/,
    message: new RegExp(`${API}/ws/${body.id}`),
    name: 'hello',
    url: repository.url,
    ref: 'topic',
    directory: 'src',
    image: /dockbox\/base/,
    status: 'ready',
    running: true,
    connections: 0,
    warnings: [],
  });
  t.notOk('error' in body);
  const client = await connect(t, app, 'hello');
  client.type('pwd; git status; git log --oneline -1; ls; echo do""ne\r');
  const output = await client.shows(/^done/m);
  t.match(output, /\/workspace\/src/);
  t.match(output, /On branch topic/);
  t.match(output, /nothing to commit, working tree clean/);
  t.match(output, /hello\.sh {2}topic\.sh/);
});

t.test("POST takes a web page's address whose branch has a slash in its name", async (t) => {
  const app = await startApp(t);
  const server = await startGitServer(t);
  const repository = await server.createRepository('hello.git');
  await repository.commit({ README: 'hello\n' });
  await repository.branch('topic/one', { 'docs/guide/index': 'guide\n' });

  const url = `${repository.url}/-/tree/topic/one/docs/guide`;
  const { status, body } = await call(app, 'POST', API, { url, name: 'page' });
  t.match({ status, body }, { status: 201, body: { ref: 'topic/one', directory: 'docs/guide' } });
  const client = await connect(t, app, 'page');
  client.type('pwd; echo do""ne\r');
  t.match(await client.shows(/^done/m), /^\/workspace\/docs\/guide\r/m);
});

t.test('POST makes a box from an archive', async (t) => {
  const app = await startApp(t);
  const server = await startHttpServer(t, serve({ '/hello.tar.gz': archive }));

  const { status, body } = await call(app, 'POST', API, { url: `${server.url}/hello.tar.gz` });

  t.equal(status, 201);
  t.match(body.name, /^hello-/, 'a name is made when none is given');
  t.equal(await app.deployment.run(body.id, 'cat', 'README'), 'hello\r\n');
});

t.test('POST with Prefer: wait', async (t) => {
  const app = await startApp(t);
  const gate = new Gate();
  const server = await startHttpServer(
    t,
    serve({
      '/slow.tar.gz': (_request, response) => gate.passed.then(() => response.end(archive)),
      '/missing.tar.gz': (_request, response) => gate.passed.then(() => response.writeHead(404).end()),
    }),
  );
  const wait = { prefer: 'respond-async, wait=0' };
  const slow = await call(app, 'POST', API, { url: `${server.url}/slow.tar.gz`, name: 'slow' }, wait);
  await call(app, 'POST', API, { url: `${server.url}/missing.tar.gz`, name: 'gone' }, wait);
  const deleted = await call(app, 'POST', API, { url: `${server.url}/slow.tar.gz`, name: 'never' }, wait);

  await t.test('answers before the box is ready', async (t) => {
    t.match(slow, {
      status: 202,
      body: { status: 'creating', running: false, image: null, message: String },
    });
    t.equal(slow.headers.get('location'), `${API}/${slow.body.id}`);
  });
  await t.test('a box that is being created can not be stopped', async (t) => {
    t.match(await call(app, 'POST', `${API}/slow/stop`), { status: 409, body: { code: 'DBX_NOT_READY' } });
  });
  await t.test('a box that is being created can be deleted', async (t) => {
    t.equal((await call(app, 'DELETE', `${API}/never`)).status, 204);
    t.equal((await call(app, 'GET', `${API}/${deleted.body.id}`)).status, 404);
    t.notOk(existsSync(path.join(app.deployment.mountPoint, deleted.body.id)));
  });

  gate.open();
  await t.test('the box becomes ready', async () => {
    await until(app, 'slow', ({ body }) => body.status === 'ready' && body.running);
  });
  await t.test('or failed, with the reason, and its name stays in use until it is deleted', async (t) => {
    const { body } = await until(app, 'gone', ({ body }) => body.status !== 'creating');
    t.match(body, { status: 'failed', running: false, error: /404|not found/i });
    t.notOk(existsSync(path.join(app.deployment.mountPoint, body.id)), 'its files are gone');
    t.match(await call(app, 'POST', `${API}/gone/stop`), { status: 409 });
    await t.rejects(connect(t, app, 'gone'), /409/);
    t.equal((await call(app, 'DELETE', `${API}/gone`)).status, 204);
  });
});

t.test('POST refuses what it can not use, and nothing is left', async (t) => {
  const app = await startApp(t, { ALLOW_PRIVATE_SOURCES: 'false' });
  const url = 'https://example.com/a.git';
  const cases: [what: string, body: object, status: number, message: RegExp][] = [
    ['no URL', {}, 400, /url/],
    ['an empty URL', { url: '' }, 400, /url/],
    ['a URL that is no text', { url: 7 }, 400, /url/],
    ['a URL that is too long', { url: `https://example.com/${'a'.repeat(2048)}` }, 400, /2048/],
    ['an unknown property', { url, reff: 'main' }, 400, /no property "reff"/],
    ['a local file', { url: 'file:///etc/passwd' }, 400, /file/],
    ['a command', { url: 'ext::sh%20-c%20id' }, 400, /ext/],
    ['ssh', { url: 'ssh://git@example.com/a.git' }, 400, /SSH/],
    ['a URL that is an option', { url: '--upload-pack=id' }, 400, /-/],
    ['a proxy command', { url: 'ssh://-oProxyCommand=id/a' }, 400, /./],
    ['a ref that is an option', { url, ref: '--upload-pack=id' }, 400, /ref/],
    ['a directory outside', { url, directory: '../..' }, 400, /directory/],
    ['control characters', { url: 'https://example.com/a\u0000b.git' }, 400, /./],
    ['an image that is none', { url, image: '-v' }, 400, /image reference/],
    ['a name that is none', { url, name: 'A b' }, 400, /name/],
    ['a name that is an id', { url, name: '7b4f1b1e-0000-4000-8000-000000000000' }, 400, /name/],
    ['a metadata address', { url: 'http://169.254.169.254/a.git' }, 403, /never fetched from/],
    ['a metadata address, v4 in v6', { url: 'http://[::ffff:169.254.169.254]/a.git' }, 403, /never/],
    ['a metadata address, decimal', { url: 'http://2852039166/a.git' }, 403, /never/],
    ['a metadata address, octal', { url: 'http://0251.0376.0251.0376/a.git' }, 403, /never/],
    ['a unique-local address', { url: 'http://[fd00:ec2::254]/a.git' }, 403, /never/],
    ['a loopback address', { url: 'http://127.0.0.1/a.git' }, 403, /not a public/],
    ['a loopback name', { url: 'http://localhost/a.git' }, 403, /not a public/],
    ['a private address', { url: 'http://10.0.0.1/a.zip' }, 403, /not a public/],
  ];
  for (const [what, body, status, message] of cases) {
    await t.test(what, async (t) => {
      const answer = await call(app, 'POST', API, body);
      t.match(answer, { status, body: { statusCode: status, code: String, error: String, message } });
    });
  }
  await t.test('a body that is no JSON', async (t) => {
    const headers = { 'content-type': 'application/json' };
    const { status } = await fetch(app.base + API, { method: 'POST', headers, body: '{' });
    t.equal(status, 400);
  });
  await t.test('no body where one is needed', async (t) => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(app.base + API, { method: 'POST', headers });
    t.match(await response.json(), { statusCode: 400, message: /url/ });
  });
  await t.test('a body that is too large', async (t) => {
    const answer = await call(app, 'POST', API, { url, name: 'a'.repeat(65 * 1024) });
    t.equal(answer.status, 413);
  });
  t.same(await app.deployment.rows(), []);
  t.same(await app.deployment.containers(), []);
  t.same(await app.deployment.workspaces(), []);
});

t.test('POST tells why a source can not be fetched, and nothing is left', async (t) => {
  const app = await startApp(t, { FETCH_TIMEOUT_SECONDS: '2' });
  const server = await startHttpServer(
    t,
    serve({
      '/never.tar.gz': neverAnswer,
      '/text.tar.gz': 'not an archive',
      '/escape.tar.gz': tarGz([{ name: '../../escaped', content: 'x' }]),
      '/private.git/info/refs': (_request, response) =>
        response.writeHead(401, { 'WWW-Authenticate': 'Basic' }).end(),
    }),
  );
  const cases: [what: string, url: string, message: RegExp][] = [
    ['a repository that is not there', `git::${server.url}/nothing.git`, /not found/i],
    ['a repository that needs authentication', `git::${server.url}/private.git`, /authentication/],
    ['an archive that is not there', `${server.url}/nothing.zip`, /404|not found/i],
    ['an archive that is none', `${server.url}/text.tar.gz`, /no archive of its kind/],
    ['an archive that leads outside', `${server.url}/escape.tar.gz`, /lead out of the workspace/],
    ['a server that never answers', `${server.url}/never.tar.gz`, /within 2 seconds/],
    ['a server that is not there', 'http://127.0.0.1:1/a.tar.gz', /refused|can.t be reached|connect/i],
  ];
  for (const [what, url, message] of cases) {
    await t.test(what, async (t) => {
      const answer = await call(app, 'POST', API, { url });
      t.match(answer, { status: 422, body: { code: 'DBX_SOURCE_UNAVAILABLE', message } });
    });
  }
  t.same(await app.deployment.rows(), []);
  t.same(await app.deployment.containers(), []);
  t.same(await app.deployment.workspaces(), []);
});

t.test('POST without an engine answers 503, and leaves no row', async (t) => {
  const app = await startApp(t, { DOCKER_SERVER_HOST: '127.0.0.1:1' });
  t.match(await call(app, 'POST', API, { url: 'http://127.0.0.1/a.git' }), {
    status: 503,
    body: { code: 'DBX_ENGINE_UNAVAILABLE' },
  });
  t.same(await app.deployment.rows(), []);
});

t.test('boxes that are there', async (t) => {
  const app = await startApp(t);
  const server = await startHttpServer(t, serve({ '/hello.tar.gz': archive }));
  const create = (name: string) => call(app, 'POST', API, { url: `${server.url}/hello.tar.gz`, name });
  const ids: string[] = [];
  for (const name of ['one', 'two', 'three']) ids.unshift((await create(name)).body.id);

  await t.test('a name that is taken is refused', async (t) => {
    t.match(await create('two'), { status: 409, body: { code: 'DBX_NAME_TAKEN', message: /two/ } });
  });

  await t.test('GET one by its id or its name', async (t) => {
    t.match((await call(app, 'GET', `${API}/${ids[0]}`)).body, { id: ids[0], name: 'three', running: true });
    t.match((await call(app, 'GET', `${API}/three`)).body, { id: ids[0] });
    t.match(await call(app, 'GET', `${API}/nobody`), { status: 404, body: { code: 'DBX_NOT_FOUND' } });
  });

  await t.test('GET them in pages, newest first', async (t) => {
    const pages: string[][] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query: string = cursor && `&cursor=${encodeURIComponent(cursor)}`;
      const { body } = await call(app, 'GET', `${API}?limit=2${query}`);
      pages.push(body.items.map(({ id }: { id: string }) => id));
      cursor = body.nextCursor;
    }
    t.same(pages, [ids.slice(0, 2), ids.slice(2)]);
    t.equal((await call(app, 'GET', API)).body.items.length, 3, 'twenty by default');
    const exact = await call(app, 'GET', `${API}?limit=3`);
    t.equal(exact.body.nextCursor, null, 'a full page that is the last says so');
  });

  await t.test('GET those of one source, written in whichever way', async (t) => {
    const listed = async (url: string) => {
      const { body } = await call(app, 'GET', `${API}?limit=2&url=${encodeURIComponent(url)}`);
      return body.items.map(({ id }: { id: string }) => id);
    };
    const { host } = new URL(server.url);
    t.same(await listed(`HTTP://${host}/./hello.tar.gz`), ids.slice(0, 2));
    t.same(await listed(`${server.url}/other.tar.gz`), []);
    t.match(await call(app, 'GET', `${API}?url=ftp:%2F%2Fa`), {
      status: 400,
      body: { code: 'DBX_INVALID_SOURCE' },
    });
  });

  await t.test('GET refuses pages that can not be', async (t) => {
    for (const query of ['limit=0', 'limit=101', 'limit=x', 'cursor=', 'cursor=x', 'cursor=eyJhIjoxfQ']) {
      t.equal((await call(app, 'GET', `${API}?${query}`)).status, 400, query);
    }
  });

  await t.test('POST stop stops one, and again', async (t) => {
    t.match(await call(app, 'POST', `${API}/one/stop`), { status: 200, body: { running: false } });
    t.match(await call(app, 'POST', `${API}/one/stop`), { status: 200, body: { running: false } });
    t.match((await call(app, 'GET', `${API}/one`)).body, { status: 'ready', running: false });
    t.equal((await call(app, 'POST', `${API}/nobody/stop`)).status, 404);
  });

  await t.test('what an administrator stopped does not count as running', async (t) => {
    await (await app.deployment.container(ids[1] ?? '')).stop({ t: 0 });
    t.equal((await call(app, 'GET', `${API}/two`)).body.running, false);
    const { body } = await call(app, 'GET', API);
    t.same(
      body.items.map(({ running }: { running: boolean }) => running),
      [true, false, false],
    );
  });

  await t.test('DELETE removes one with all that belongs to it', async (t) => {
    t.equal((await call(app, 'DELETE', `${API}/three`)).status, 204);
    t.equal((await call(app, 'GET', `${API}/three`)).status, 404);
    t.equal((await call(app, 'DELETE', `${API}/three`)).status, 404);
    t.notOk((await app.deployment.workspaces()).includes(ids[0] ?? ''));
    t.notOk((await app.deployment.boxes()).includes(ids[0] ?? ''));
    t.equal((await create('three')).status, 201, 'its name is free again');
  });
});

t.test('CORS is by CORS_ORIGINS', async (t) => {
  const app = await startApp(t, { CORS_ORIGINS: 'https://ide.example, https://other.example' });
  const allowed = async (origin: string) => {
    const { headers } = await call(app, 'GET', API, undefined, { origin });
    return headers.get('access-control-allow-origin');
  };
  t.equal(await allowed('https://ide.example'), 'https://ide.example');
  t.equal(await allowed('https://other.example'), 'https://other.example');
  t.equal(await allowed('https://evil.example'), null);
});
