import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { createBox } from '../helpers/box.js';
import { call, connect, type TerminalClient } from '../helpers/client.js';
import { makeDeployment } from '../helpers/deployment.js';
import { openSdkTerminal } from '../helpers/sdk.js';
import { startServer } from '../helpers/server.js';

const API = '/v1/dockbox';

async function echoes(client: TerminalClient): Promise<void> {
  client.forget();
  client.type('echo he""re\r');
  await client.shows(/^here/m);
}

t.test('SIGTERM drains', async (t) => {
  const deployment = await makeDeployment(t, { DRAIN_SECONDS: '100' });
  const server = await startServer(t, deployment);
  const successor = await startServer(t, deployment);
  const id = await createBox(t, server);
  const client = await connect(t, server, 'box');
  await echoes(client);

  const ended = server.end('SIGTERM');
  while ((await call(server, 'GET', '/health/ready')).status === 200);

  await t.test('it is not ready, and lives', async (t) => {
    t.match(await call(server, 'GET', '/health/ready'), { status: 503, body: { status: 'draining' } });
    const alive = await call(server, 'GET', '/health');
    t.equal(alive.status, 200);
    t.equal(alive.headers.get('connection'), 'close', 'proxies are to let go of their connections');
  });

  await t.test('it takes no new boxes and terminals', async (t) => {
    const answer = await call(server, 'POST', API, { url: 'http://127.0.0.1/a.zip' });
    t.match(answer, { status: 503, body: { code: 'DBX_DRAINING', message: /another one/ } });
    t.ok(answer.headers.has('retry-after'));
    await t.rejects(connect(t, server, 'box'), /503/);
  });

  await t.test('what is open goes on, and so does the API', async (t) => {
    await echoes(client);
    t.match(await call(server, 'GET', `${API}/box`), { status: 200, body: { connections: 1 } });
  });

  await t.test('it ends when the last terminal has, and the box is left running', async (t) => {
    client.socket.close();
    t.equal(await ended, 0);
    t.match((await call(successor, 'GET', `${API}/box`)).body, { id, running: true, connections: 0 });
  });
});

t.test('while load balancers find out that it is not ready, it takes what they send', async (t) => {
  const deployment = await makeDeployment(t);
  const server = await startServer(t, deployment, { DRAIN_NOTICE_SECONDS: '100' });
  const successor = await startServer(t, deployment);

  const ended = server.end('SIGTERM');
  while ((await call(server, 'GET', '/health/ready')).status === 200);
  await createBox(t, server);
  const client = await connect(t, server, 'box');
  await echoes(client);

  await t.test('a second signal does not wait for that', async (t) => {
    void server.end('SIGTERM');
    t.match(await client.closed, { code: 1012 });
    t.equal(await ended, 0);
    t.match((await call(successor, 'GET', `${API}/box`)).body, { status: 'ready' });
  });
});

t.test('a paste that is on its way when the server goes arrives whole', async (t) => {
  const deployment = await makeDeployment(t, { DRAIN_SECONDS: '0' });
  const server = await startServer(t, deployment);
  await startServer(t, deployment);
  const id = await createBox(t, server);
  const shell = openSdkTerminal(t, server);
  shell.write('stty raw -echo; echo rea""dy; cat >pasted\r');
  await shell.shows(/ready/);
  const paste = Array.from({ length: 80_000 }, (_, line) => `${line}\n`).join('');
  shell.write(paste);
  const gone = shell.next('disconnected');
  const ended = server.end('SIGTERM');
  t.match(await gone, { unconfirmedBytes: 0 });
  t.equal(await ended, 0);

  const sent = paste.length - shell.waitingBytes;
  t.ok(sent > 100_000, 'more was on its way than the engine holds');
  const pasted = path.join(deployment.mountPoint, id, 'pasted');
  while ((await stat(pasted)).size < sent);
  t.equal(await readFile(pasted, 'utf8'), paste.slice(0, sent));
});

t.test('a second signal does not wait', async (t) => {
  const deployment = await makeDeployment(t, { DRAIN_SECONDS: '100' });
  const server = await startServer(t, deployment);
  const successor = await startServer(t, deployment);
  await createBox(t, successor);
  const client = await connect(t, server, 'box');
  await echoes(client);

  const ended = server.end('SIGTERM');
  while ((await call(server, 'GET', '/health/ready')).status === 200);
  void server.end('SIGTERM');
  t.match(await client.closed, { code: 1012, reason: /connect again/ });
  t.equal(await ended, 0);
});
