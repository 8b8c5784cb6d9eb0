import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { insertReadyBox, makeReplicas } from '../../helpers/replicas.js';
import { commands, compare } from './commands.js';
import { IDLE_TIMEOUT_SECONDS, Model, starting } from './model.js';

/** Some 1500 steps: 8 s on two cores. */
const RUNS = 60;
const REPLICAS = 3;
const BOXES = 3;

// The boxes have no containers, so that a run takes 0.1 s instead of ten: the real engine is asked to stop what is not
// there, which counts as done. Containers have their part in races.test.ts.
t.test('connections are counted, and boxes stopped, as the plain model says', async (t) => {
  const real = await makeReplicas(t, { IDLE_TIMEOUT_SECONDS: String(IDLE_TIMEOUT_SECONDS) });
  const { pool } = real.deployment;
  let steps = 0;

  const property = fc.asyncProperty(commands, async (commands) => {
    const model = new Model();
    await pool.query('delete from dockbox');
    await pool.query('delete from replica');
    while (model.boxes.length < BOXES) {
      model.boxes.push({ id: await insertReadyBox(pool), running: true, idle: 0 });
    }
    while (model.replicas.length < REPLICAS) {
      model.replicas.push(starting(await real.start()));
    }
    await fc.asyncModelRun(() => ({ model, real }), commands);
    steps += [...commands].length;

    // Everybody leaves, or is dead; the clocks start, and run out.
    const last = await real.start();
    for (const { replica, leases } of model.replicas) {
      for (const { lease } of leases) await replica.connections.release(lease);
    }
    await pool.query(`update replica set heartbeat_at = now() - interval '1 hour' where id <> $1`, [
      last.connections.replicaId,
    ]);
    await last.sweep.run();
    await pool.query(`update dockbox set idle_since = idle_since - interval '1 hour'`);
    await last.sweep.run();
    for (const box of model.boxes) Object.assign(box, { running: false, idle: null });
    for (const replica of [...model.replicas, ...model.dead]) replica.leases = [];
    await compare(model, pool);
  });

  // A failure is shrunk to the fewest commands, and tells the seed and the path that repeat it.
  await fc.assert(property, { numRuns: RUNS, includeErrorInReport: true });
  assert.ok(steps > RUNS);
  t.comment(`${steps} steps`);
});
