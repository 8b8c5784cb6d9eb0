import t from 'tap';
import { startApp } from '../../../helpers/app.js';
import { createBox } from '../../../helpers/box.js';
import { call, connect, until } from '../../../helpers/client.js';
import { makeDeployment } from '../../../helpers/deployment.js';
import { startServer } from '../../../helpers/server.js';

const sweeping = { IDLE_TIMEOUT_SECONDS: '1', SWEEP_SECONDS: '0.1' };
const stopped = ({ body }: { body: { running: boolean } }) => !body.running;

t.test('the idle clock', async (t) => {
  const app = await startApp(t, sweeping);
  const id = await createBox(t, app);
  const idleSince = async () => {
    const { rows } = await app.pg.pool.query('select idle_since from dockbox where id = $1', [id]);
    return rows[0].idle_since as Date | null;
  };

  await t.test('runs from the start: a box that nobody connects to stops', async (t) => {
    const { body } = await until(app, 'box', stopped);
    t.equal(body.stopsAt, null);
  });

  await t.test('does not run while anybody is connected', async (t) => {
    const one = await connect(t, app, 'box');
    const two = await connect(t, app, 'box');
    one.type('echo kept >file; echo sa""ved\r');
    await one.shows(/^saved/m);
    await two.shows(/[$#]/);
    one.socket.close();
    await until(app, 'box', ({ body }) => body.connections === 1);
    t.equal(await idleSince(), null, 'the other one is still there');
    t.equal((await call(app, 'GET', '/v1/dockbox/box')).body.stopsAt, null);
    two.socket.close();
    await until(app, 'box', ({ body }) => body.connections === 0);
    t.ok(await idleSince(), 'the last one has left');
  });

  await t.test('is stopped by a new connection', async (t) => {
    const client = await connect(t, app, 'box');
    await client.shows(/[$#]/);
    t.equal(await idleSince(), null);
    client.socket.close();
  });

  await t.test('stops the box when it runs out', async (t) => {
    const { body } = await until(app, 'box', stopped);
    t.match(body, { status: 'ready', connections: 0 });
    t.notOk(await app.deployment.runs(id));
  });

  await t.test('a connection starts it again, with the files there', async (t) => {
    const client = await connect(t, app, 'box');
    client.type('cat file\r');
    await client.shows(/^kept/m);
    t.match((await call(app, 'GET', '/v1/dockbox/box')).body, { running: true, connections: 1 });
  });
});

t.test('a box that nobody is connected to tells when it is stopped', async (t) => {
  const app = await startApp(t, { IDLE_TIMEOUT_SECONDS: '1000' });
  const id = await createBox(t, app);
  const { body } = await call(app, 'GET', '/v1/dockbox/box');
  const { rows } = await app.pg.pool.query('select idle_since from dockbox where id = $1', [id]);
  t.equal(Date.parse(body.stopsAt), rows[0].idle_since.getTime() + 1_000_000);
  t.equal((await call(app, 'POST', '/v1/dockbox/box/stop')).body.stopsAt, null);
});

t.test('a connection in time keeps the container as it is', async (t) => {
  const app = await startApp(t, { IDLE_TIMEOUT_SECONDS: '60', SWEEP_SECONDS: '0.1' });
  const id = await createBox(t, app);
  const startedAt = async () => (await (await app.deployment.container(id)).inspect()).State.StartedAt;
  const before = await startedAt();
  for (let visit = 0; visit < 3; visit++) {
    const client = await connect(t, app, 'box');
    await client.shows(/[$#]/);
    client.socket.close();
    await until(app, 'box', ({ body }) => body.connections === 0);
  }
  t.equal(await startedAt(), before);
});

t.test('a box of a server that was killed stops, swept by another', async (t) => {
  const deployment = await makeDeployment(t, sweeping);
  const survivor = await startServer(t, deployment);
  const victim = await startServer(t, deployment);
  await createBox(t, victim);
  const client = await connect(t, victim, 'box');
  await client.shows(/[$#]/);
  t.equal((await call(survivor, 'GET', '/v1/dockbox/box')).body.connections, 1);

  await victim.end('SIGKILL');
  // Its heartbeat is made old rather than waited for.
  await deployment.pool.query(
    `update replica set heartbeat_at = now() - interval '1 hour'
     where id = (select replica_id from connection)`,
  );
  const { body } = await until(survivor, 'box', stopped);
  t.equal(body.connections, 0);
});
