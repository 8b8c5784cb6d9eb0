import t from 'tap';
import { createBox } from '../../../helpers/box.js';
import { call, connect, until } from '../../../helpers/client.js';
import { makeDeployment } from '../../../helpers/deployment.js';
import { openScreen } from '../../../helpers/screen.js';
import { startServer } from '../../../helpers/server.js';

// A process that is stopped for longer than a heartbeat may be late, as by a suspended virtual machine, has no idea of it.
t.test('a server that was paused past its lease', async (t) => {
  const deployment = await makeDeployment(t, { SWEEP_SECONDS: '0.1' });
  const survivor = await startServer(t, deployment);
  const paused = await startServer(t, deployment);
  await createBox(t, paused);
  const box = async () => (await call(survivor, 'GET', '/v1/dockbox/box')).body;
  /** Pauses the server until the other one has buried it. */
  const pause = async () => {
    paused.signal('SIGSTOP');
    t.teardown(() => paused.signal('SIGCONT'));
    // Its heartbeat is made old rather than waited for.
    await deployment.pool.query(
      `update replica set heartbeat_at = now() - interval '1 hour'
       where id = (select replica_id from connection)`,
    );
    await until(survivor, 'box', ({ body }) => body.connections === 0);
  };

  await t.test('goes on with its terminal, which counts again', async (t) => {
    const client = await openScreen(t, paused, 'box');
    await client.shows(/[$#]/);
    await pause();
    paused.signal('SIGCONT');
    await until(survivor, 'box', ({ body }) => body.connections === 1);
    const { rows } = await deployment.pool.query('select idle_since from dockbox');
    t.strictSame(rows, [{ idle_since: null }], 'the idle clock has stopped');
    client.type('echo still th""ere\r');
    await client.shows(/^still there$/m);

    const size = { cols: 91, rows: 33 };
    const { status } = await call(survivor, 'POST', '/v1/dockbox/box/terminals/main/size', size);
    t.equal(status, 204, 'the other server can resize it');
    client.emulator.resize(size.cols, size.rows);
    client.type('stty size\r');
    await client.shows(/^33 91$/m);
    await client.leave();
    await until(survivor, 'box', ({ body }) => body.connections === 0);
  });

  await t.test('closes its terminal when the box was stopped meanwhile, and starts it again', async (t) => {
    const client = await connect(t, paused, 'box');
    await client.shows(/[$#] $/);
    await pause();
    await deployment.pool.query(`update dockbox set idle_since = idle_since - interval '1 hour'`);
    await until(survivor, 'box', ({ body }) => !body.running);
    paused.signal('SIGCONT');
    t.match(await client.closed, { code: 1012, reason: /connect again/ });

    const again = await connect(t, paused, 'box');
    await again.shows(/[$#] $/);
    t.match(await box(), { running: true, connections: 1 });
    again.socket.close();
  });
});
