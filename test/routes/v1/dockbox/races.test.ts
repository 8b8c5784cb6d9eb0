import t from 'tap';
import { type App, startApp } from '../../../helpers/app.js';
import { createBox } from '../../../helpers/box.js';
import { call, connect, until } from '../../../helpers/client.js';
import { startEngineRelay } from '../../../helpers/engine-relay.js';
import { untilWaiting } from '../../../helpers/locks.js';
import { startServer } from '../../../helpers/server.js';

/** Nothing is swept but by whom a test says. */
const neverSweeping = { SWEEP_SECONDS: '3600' };

const startedAt = async (app: App, id: string) =>
  (await (await app.deployment.container(id)).inspect()).State.StartedAt;

t.test('who connects while a sweep stops the box waits, and gets a shell that lives', async (t) => {
  const app = await startApp(t, neverSweeping);
  const id = await createBox(t, app);
  const engine = await startEngineRelay(t);
  await startServer(t, app.deployment, { DOCKER_SERVER_HOST: engine.base, SWEEP_SECONDS: '0.1' });
  t.teardown(() => engine.release());
  const before = await startedAt(app, id);

  const stopping = engine.hold(/^POST \S+\/(stop|update)/);
  await app.pg.pool.query(`update dockbox set idle_since = now() - interval '1 hour'`);
  await stopping;
  // The sweep has decided: its stop is on the way to the engine.
  const connecting = connect(t, app, id);
  await untilWaiting(app.deployment, 1);
  t.equal(await startedAt(app, id), before, 'not stopped yet');
  engine.release();

  const client = await connecting;
  client.type('echo al""ive\r');
  await client.shows(/^alive/m);
  t.not(await startedAt(app, id), before, 'stopped, and started again');
  t.match((await call(app, 'GET', `/v1/dockbox/${id}`)).body, { running: true, connections: 1 });
});

t.test('between a client that counts and the start of its box', async (t) => {
  const app = await startApp(t, neverSweeping);
  const engine = await startEngineRelay(t);
  const other = await startServer(t, app.deployment, { ...neverSweeping, DOCKER_SERVER_HOST: engine.base });
  t.teardown(() => engine.release());
  /** Connects by the other server, up to where it would start the container, or look whether it has to. */
  const connectHalfway = async (id: string) => {
    const starting = engine.hold(/^(POST \/containers\/\S+\/start|GET \/services\/)/);
    const client = await connect(t, other, id);
    await starting;
    return client;
  };

  await t.test('a stop comes: the box runs, and everybody knows', async (t) => {
    const id = await createBox(t, app, { name: 'stopped' });
    const client = await connectHalfway(id);
    t.equal((await call(app, 'POST', `/v1/dockbox/${id}/stop`)).status, 200);
    engine.release();
    await client.shows(/[$#] $/);
    t.match((await call(app, 'GET', `/v1/dockbox/${id}`)).body, { running: true, connections: 1 });
    client.socket.close();
    await until(app, id, ({ body }) => body.connections === 0);
    const { rows } = await app.pg.pool.query('select running, idle_since is not null as idle from dockbox');
    t.strictSame(rows, [{ running: true, idle: true }], 'it will be stopped when it is idle');
  });

  await t.test('and its shell a stop comes: the client is told that somebody wanted it', async (t) => {
    const id = await createBox(t, app, { name: 'early' });
    const first = await connect(t, app, id);
    await first.shows(/[$#] $/);
    const starting = engine.hold(/^POST \/containers\/\S+\/exec/);
    const client = await connect(t, other, id);
    await starting;
    t.equal((await call(app, 'POST', `/v1/dockbox/${id}/stop`)).status, 200);
    engine.release();
    t.match(await client.closed, {
      code: 1001,
      reason: 'The dockbox was stopped: connect again to start it.',
    });
  });

  await t.test('a deletion comes: the client is told, and nothing is started', async (t) => {
    const id = await createBox(t, app, { name: 'deleted' });
    const client = await connectHalfway(id);
    t.equal((await call(app, 'DELETE', `/v1/dockbox/${id}`)).status, 204);
    engine.release();
    t.match(await client.closed, { code: 1001, reason: /no dockbox/ });
    t.notOk((await app.deployment.boxes()).includes(id));
    t.notOk((await app.deployment.workspaces()).includes(id));
  });
});
