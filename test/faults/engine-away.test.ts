import t from 'tap';
import { createBox } from '../helpers/box.js';
import { call, connect, type Service } from '../helpers/client.js';
import { eventually, openTerminal, readNote, startWorld } from '../helpers/engine-faults.js';
import { startHttpServer } from '../helpers/http-server.js';

const ready = async (server: Service) => (await call(server, 'GET', '/health/ready')).status;

t.test('a server without its engine says so, lives on, and sweeps once it is back', async (t) => {
  const { daemon, deployment, server } = await startWorld(t);
  const id = await createBox(t, server);
  await openTerminal(t, server);
  await daemon.end('SIGKILL');

  const created = await call(server, 'POST', '/v1/dockbox', { url: 'https://127.0.0.1/a.tar.gz' });
  t.equal(created.status, 503);
  t.equal(created.body.code, 'DBX_ENGINE_UNAVAILABLE');
  t.ok(Number(created.headers.get('retry-after')) > 0, 'says when to try again');
  t.equal(await ready(server), 503);
  t.equal((await call(server, 'GET', '/health')).status, 200);
  t.equal((await call(server, 'GET', `/v1/dockbox/${id}`)).status, 503);
  t.equal((await call(server, 'POST', `/v1/dockbox/${id}/stop`)).status, 503);
  t.equal((await call(server, 'DELETE', `/v1/dockbox/${id}`)).status, 503);
  await t.rejects(connect(t, server, 'box'), /503/);

  await daemon.start();
  await eventually(t, 'it is ready again', async () => (await ready(server)) === 200);
  await eventually(t, 'the sweep stops the box that nobody is connected to', async () => {
    const { rows } = await deployment.pool.query('select running from dockbox where id = $1', [id]);
    return rows[0]?.running === false;
  });
  t.notOk(await deployment.runs(id));
  t.match(await readNote(t, server), /<kept>/);
});

t.test('a creation that its engine fails is answered with 503 and leaves nothing', async (t) => {
  const { daemon, deployment, server } = await startWorld(t);
  let asked: () => void = () => {};
  const begun = new Promise<void>((resolve) => {
    asked = resolve;
  });
  // An archive whose end never comes: the fetch is at work when the engine goes.
  const source = await startHttpServer(t, (_request, response) => {
    response.write(Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]));
    asked();
  });
  const answer = call(server, 'POST', '/v1/dockbox', { url: `${source.url}/slow.tar.gz`, name: 'slow' });
  await begun;
  await eventually(t, 'the fetch runs', async () => (await daemon.docker.listContainers()).length === 1);
  await daemon.end('SIGKILL');
  const { status, body } = await answer;
  t.equal(status, 503, JSON.stringify(body));

  await daemon.start();
  await eventually(t, 'its container goes', async () => (await deployment.containers()).length === 0);
  await eventually(t, 'its workspace goes', async () => (await deployment.workspaces()).length === 0);
});
