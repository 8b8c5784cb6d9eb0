import { once } from 'node:events';
import t, { type Test } from 'tap';
import WebSocket from 'ws';
import { startApp } from '../helpers/app.js';
import { startGitServer } from '../helpers/git-server.js';

type App = Awaited<ReturnType<typeof startApp>>;

const call = async (app: App, method: string, path: string, body?: object, headers = {}) => {
  const response = await fetch(`${app.base}${path}`, {
    method,
    headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : undefined };
};

/** Connects a client and gathers what its terminal shows. */
function connect(t: Test, app: App, id: string, query = '') {
  const socket = new WebSocket(`${app.base.replace('http', 'ws')}/v1/dockbox/ws/${id}${query}`);
  t.teardown(() => socket.terminate());
  const closed = once(socket, 'close') as Promise<[number, Buffer]>;
  let output = '';
  socket.on('message', (data: Buffer) => {
    output += data.toString();
  });
  const shows = async (pattern: RegExp) => {
    while (!pattern.test(output)) await once(socket, 'message');
    return output;
  };
  return { socket, closed, shows, send: (text: string) => socket.send(text) };
}

t.test('a source URL in, a live terminal out', async (t) => {
  const app = await startApp(t, { IDLE_TIMEOUT_SECONDS: '1', SWEEP_SECONDS: '0.2' });
  const server = await startGitServer(t);
  const repository = await server.createRepository('hello.git');
  await repository.commit({ 'hello.py': 'print("hello")\n' });

  const created = await call(app, 'POST', '/v1/dockbox', { url: `git::${repository.url}`, name: 'hello' });
  t.match(created, { status: 201, body: { name: 'hello', status: 'ready', message: String } });
  t.equal(created.headers.get('location'), `/v1/dockbox/${created.body.id}`);
  t.match(created.body.warnings, [/python/], 'an image that can not be had is told');

  await t.test('its shell is in the repository', async (t) => {
    const client = connect(t, app, 'hello', '?cols=101&rows=33');
    await once(client.socket, 'open');
    client.send('stty size; git status --short; git log --oneline | wc -l; echo kept > file; echo do""ne\n');
    const output = await client.shows(/done/);
    t.match(output, /33 101/);
    t.match(output, /\r\n1\r\n/);

    const resized = await call(app, 'POST', '/v1/dockbox/hello/terminals/main/size', { cols: 90, rows: 20 });
    t.equal(resized.status, 204);
    client.send('stty size; echo ag""ain\n');
    t.match(await client.shows(/again/), /20 90/);

    client.send('exit\n');
    t.equal((await client.closed)[0], 1000);
  });

  await t.test('it stops when nobody is connected, and keeps its files', async (t) => {
    for (;;) {
      const { body } = await call(app, 'GET', '/v1/dockbox/hello');
      if (!body.running) break;
    }
    const client = connect(t, app, 'hello');
    await once(client.socket, 'open');
    client.send('cat file\n');
    await client.shows(/\rkept/);
    t.match((await call(app, 'GET', '/v1/dockbox/hello')).body, { running: true, connections: 1 });

    t.equal((await call(app, 'POST', '/v1/dockbox/hello/stop')).status, 200);
    t.equal((await client.closed)[0], 1001);
  });

  await t.test('it is listed', async (t) => {
    const { status, body } = await call(app, 'GET', '/v1/dockbox?limit=1');
    t.match({ status, body }, { status: 200, body: { items: [{ name: 'hello' }], nextCursor: null } });
  });

  await t.test('it can be deleted', async (t) => {
    t.equal((await call(app, 'DELETE', '/v1/dockbox/hello')).status, 204);
    t.equal((await call(app, 'GET', '/v1/dockbox/hello')).status, 404);
    t.equal((await call(app, 'DELETE', '/v1/dockbox/hello')).status, 404);
  });
});

t.test('bad requests', async (t) => {
  const app = await startApp(t, { ALLOW_PRIVATE_SOURCES: 'false' });
  const cases: [string, object, number][] = [
    ['no URL', {}, 400],
    ['an unknown property', { url: 'https://example.com/a.git', reff: 'main' }, 400],
    ['a local file', { url: 'file:///etc/passwd' }, 400],
    ['a command', { url: 'ext::sh -c id' }, 400],
    ['a ref that is an option', { url: 'https://example.com/a.git', ref: '--upload-pack=id' }, 400],
    ['a metadata address', { url: 'http://169.254.169.254/a.git' }, 403],
    ['a loopback address', { url: 'http://127.0.0.1/a.git' }, 403],
    ['an image that is none', { url: 'https://example.com/a.git', image: '-v' }, 400],
  ];
  for (const [name, body, status] of cases) {
    await t.test(name, async (t) => {
      const answer = await call(app, 'POST', '/v1/dockbox', body);
      t.match(answer, { status, body: { statusCode: status, code: String, error: String, message: String } });
    });
  }
  t.same((await call(app, 'GET', '/v1/dockbox')).body.items, [], 'nothing is left');
});

t.test('health', async (t) => {
  const app = await startApp(t);
  t.equal((await call(app, 'GET', '/health')).status, 200);
  t.match(await call(app, 'GET', '/health/ready'), { status: 200, body: { status: 'ok' } });
  t.equal((await call(app, 'GET', '/v1/dockbox/ws/nobody')).status, 426);
});
