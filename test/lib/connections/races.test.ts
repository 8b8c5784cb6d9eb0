import t from 'tap';
import { SERVICE } from '../../../lib/auth/principal.js';
import { beginHold, holdBox, untilWaiting } from '../../helpers/locks.js';
import { insertReadyBox, makeReplicas } from '../../helpers/replicas.js';

/** Any number: the key of the lock at which commits are held back. */
const GATE = 1;

t.test('the last two to leave start the idle clock, though neither sees the other go', async (t) => {
  const { deployment, start } = await makeReplicas(t);
  const [one, two] = [await start(), await start()];
  // Whoever has deleted a connection waits before it commits. Without the lock on the box's row both would come that
  // far: each would still see the other's connection, neither would start the clock, and the box would run for ever.
  await deployment.pool.query(`
    create function wait_at_gate() returns trigger language plpgsql as
      'begin perform pg_advisory_xact_lock_shared(${GATE}); return null; end';
    create constraint trigger wait_at_gate after delete on connection deferrable initially deferred
      for each row execute function wait_at_gate()`);

  for (let round = 0; round < 20; round++) {
    const id = await insertReadyBox(deployment.pool);
    const first = await one.connections.acquire(SERVICE, id, 'main');
    const second = await two.connections.acquire(SERVICE, id, 'main');
    const gate = await beginHold(t, deployment);
    await gate.query('select pg_advisory_xact_lock($1)', [GATE]);
    const leaving = [one.connections.release(first.lease), two.connections.release(second.lease)];
    await untilWaiting(deployment, 2);
    await gate.release();
    await Promise.all(leaving);
    const { rows } = await deployment.pool.query(
      'select running, idle_since is not null as idle from dockbox where id = $1',
      [id],
    );
    t.strictSame(rows, [{ running: true, idle: true }]);
  }
});

t.test('who connects while a box is being deleted finds none, though its name has a new one', async (t) => {
  const { deployment, start } = await makeReplicas(t);
  const replica = await start();
  const id = await insertReadyBox(deployment.pool);
  const hold = await holdBox(t, deployment, id);
  const acquiring = replica.connections.acquire(SERVICE, `b-${id}`, 'main');
  acquiring.catch(() => {});
  await untilWaiting(deployment, 1);
  await hold.query('delete from dockbox where id = $1', [id]);
  await hold.query(
    `insert into dockbox (id, owner, name, url, status) values (gen_random_uuid(), 'local', $1, 'https://example.com/', 'ready')`,
    [`b-${id}`],
  );
  await hold.release();
  await t.rejects(acquiring, { code: 'DBX_NOT_FOUND' });
});

t.test('a replica that was taken for dead', async (t) => {
  const { deployment, start } = await makeReplicas(t);
  const other = await start();
  /** Makes a replica with a connection, then has it buried. */
  const bury = async () => {
    const id = await insertReadyBox(deployment.pool);
    const { connections } = await start();
    const { lease } = await connections.acquire(SERVICE, id, 'main');
    await connections.setExec(lease, `exec-of-${id}`, '');
    await deployment.pool.query(`update replica set heartbeat_at = now() - interval '1 hour' where id = $1`, [
      connections.replicaId,
    ]);
    await other.sweep.run();
    return { id, connections, lease };
  };
  const count = async (id: string) => (await other.boxes.get(SERVICE, id)).connections;

  await t.test('comes back with the connections that it holds, and their execs', async (t) => {
    const { id, connections } = await bury();
    t.equal(await count(id), 0);
    await connections.heartbeat();
    t.equal(await count(id), 1);
    t.strictSame(await other.connections.execsOf(id, 'main'), [`exec-of-${id}`]);
  });

  await t.test('serves a client that comes before its next heartbeat', async (t) => {
    const { id, connections } = await bury();
    await connections.acquire(SERVICE, id, 'main');
    t.equal(await count(id), 2, 'the connection from before counts again, too');
  });

  await t.test('does not bring back a connection that is released meanwhile', async (t) => {
    const { id, connections, lease } = await bury();
    // Its new row is held back, so that the release is done after it has begun to register, and before it goes on.
    const hold = await beginHold(t, deployment);
    await hold.query(`insert into replica (id, address) values ($1, 'test')`, [connections.replicaId]);
    const back = connections.heartbeat();
    await untilWaiting(deployment, 1);
    await connections.release(lease);
    await hold.query('delete from replica where id = $1', [connections.replicaId]);
    await hold.release();
    await back;
    t.equal(await count(id), 0);
  });
});
