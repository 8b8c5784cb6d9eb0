import assert from 'node:assert/strict';
import fc from 'fast-check';
import type pg from 'pg';
import { SERVICE } from '../../../lib/auth/principal.js';
import { insertReadyBox, type Replicas } from '../../helpers/replicas.js';
import { type Model, type ModelReplica, starting } from './model.js';

/** Boxes and replicas are drawn by number, and what there is of them is counted round. */
const pick = <Item>(items: Item[], number: number): Item | undefined => items[number % items.length];

type Command = fc.AsyncCommand<Model, Replicas>;

/** One thing that happens, if it can, to the database and to the model; then the two are compared. */
function command(name: string, happens: (model: Model, real: Replicas) => Promise<boolean>): Command {
  let happened = true;
  return {
    check: () => true,
    run: async (model, real) => {
      happened = true;
      happened = await happens(model, real);
      if (happened) await compare(model, real.deployment.pool);
    },
    toString: () => (happened ? name : `(${name})`),
  };
}

/** The same for one that a replica does, unless it is paused. */
const byReplica = (
  name: string,
  number: number,
  happens: (replica: ModelReplica, model: Model, real: Replicas) => Promise<boolean>,
) =>
  command(`${name} by ${number}`, async (model, real) => {
    const replica = pick(model.replicas, number);
    return replica && !replica.paused ? happens(replica, model, real) : false;
  });

const acquire = ([by, boxNumber]: [number, number]) =>
  byReplica(`acquire ${boxNumber}`, by, async (replica, model) => {
    const box = pick(model.boxes, boxNumber);
    if (!box) return false;
    const { lease } = await replica.replica.connections.acquire(SERVICE, box.id, 'main');
    model.acquire(replica, box, lease);
    return true;
  });

const release = ([by, leaseNumber]: [number, number]) =>
  byReplica(`release ${leaseNumber}`, by, async (replica, model) => {
    const lease = pick(replica.leases, leaseNumber);
    if (!lease) return false;
    await replica.replica.connections.release(lease.lease);
    model.release(replica, lease);
    return true;
  });

const heartbeat = (by: number) =>
  byReplica('heartbeat', by, async (replica, model) => {
    await replica.replica.connections.heartbeat();
    model.heartbeat(replica);
    return true;
  });

const sweep = (by: number) =>
  byReplica('sweep', by, async (replica, model, { deployment }) => {
    await checkedSweep(replica, model, deployment.pool);
    return true;
  });

/** Whatever the model says: who is connected keeps a box running, and who left keeps it so until the clock runs out. */
async function checkedSweep(by: ModelReplica, model: Model, pool: pg.Pool): Promise<void> {
  const before = await readBoxes(pool);
  await by.replica.sweep.run();
  model.sweep(by);
  const after = new Map((await readBoxes(pool)).map((box) => [box.id, box]));
  for (const box of before) {
    if (!box.running || after.get(box.id)?.running) continue;
    const used = model.counted().some((lease) => lease.box.id === box.id);
    assert.ok(!used && box.over, `${box.id} was stopped: ${JSON.stringify(box)}`);
  }
}

/** Several at the same time, in whatever order the database takes them; a sweep after them all settles it. */
const together = (acquires: [number, number][], releases: [number, number][], sweeps: number) =>
  command(`together ${JSON.stringify([acquires, releases, sweeps])}`, async (model, { deployment }) => {
    const awake = model.replicas.filter((replica) => !replica.paused);
    const sweeper = awake[0];
    // Where a replica is just being taken for dead, its connections count or not by the order of things.
    if (!sweeper || awake.some(({ row, justBack }) => row !== 'fresh' || justBack)) return false;
    const done: (() => void)[] = [];
    const acquiring = acquires.map(async ([by, boxNumber]) => {
      const replica = pick(awake, by);
      const box = pick(model.boxes, boxNumber);
      if (!replica || !box) return;
      const { lease } = await replica.replica.connections.acquire(SERVICE, box.id, 'main');
      done.unshift(() => model.acquire(replica, box, lease));
    });
    const leases = new Map(
      releases.flatMap(([by, number]) => {
        const replica = pick(awake, by);
        const lease = replica && pick(replica.leases, number);
        return lease ? [[lease, replica] as const] : [];
      }),
    );
    const releasing = [...leases].map(async ([lease, replica]) => {
      await replica.replica.connections.release(lease.lease);
      done.push(() => model.release(replica, lease));
    });
    const sweeping = Array.from({ length: sweeps }, (_, by) => pick(awake, by)?.replica.sweep.run());
    await Promise.all([...acquiring, ...releasing, ...sweeping]);
    for (const step of done) step();
    await checkedSweep(sweeper, model, deployment.pool);
    return true;
  });

const pause = (by: number) =>
  byReplica('pause', by, async (replica, _model, { deployment }) => {
    await silence(replica, deployment.pool);
    replica.paused = true;
    return true;
  });

const goOn = (number: number) =>
  command(`go on with ${number}`, async ({ replicas }) => {
    const replica = pick(replicas, number);
    if (!replica?.paused) return false;
    replica.paused = false;
    return true;
  });

/** Its object is dropped as it is; another process starts in its place. */
const die = (number: number) =>
  command(`${number} dies`, async (model, real) => {
    const index = number % model.replicas.length;
    const [replica] = model.replicas.splice(index, 1);
    if (!replica) return false;
    await silence(replica, real.deployment.pool);
    model.dead.push(replica);
    model.replicas.push(starting(await real.start()));
    return true;
  });

const pass = (seconds: number) =>
  command(`${seconds} s pass`, async (model, { deployment }) => {
    const { pool } = deployment;
    await pool.query('update dockbox set idle_since = idle_since - make_interval(secs => $1)', [seconds]);
    await pool.query('update replica set returned_at = returned_at - make_interval(secs => $1)', [seconds]);
    model.pass(seconds);
    return true;
  });

const stop = ([by, boxNumber]: [number, number]) =>
  byReplica(`stop ${boxNumber}`, by, async ({ replica }, model) => {
    const box = pick(model.boxes, boxNumber);
    if (!box) return false;
    await replica.boxes.stop(SERVICE, box.id);
    model.stop(box);
    return true;
  });

const remove = ([by, boxNumber]: [number, number]) =>
  byReplica(`delete ${boxNumber}`, by, async ({ replica }, model) => {
    const box = pick(model.boxes, boxNumber);
    if (!box) return false;
    await replica.boxes.delete(SERVICE, box.id);
    model.delete(box);
    return true;
  });

const create = () =>
  command('create', async (model, { deployment }) => {
    model.boxes.push({ id: await insertReadyBox(deployment.pool), running: true, idle: 0 });
    return true;
  });

/** Heartbeats are made old rather than waited for. */
async function silence(replica: ModelReplica, pool: pg.Pool): Promise<void> {
  await pool.query(`update replica set heartbeat_at = now() - interval '1 hour' where id = $1`, [
    replica.replica.connections.replicaId,
  ]);
  if (replica.row === 'fresh') replica.row = 'old';
}

type Row = { id: string; running: boolean; idle: boolean; over: boolean; connections: string[] };

async function readBoxes(pool: pg.Pool): Promise<Row[]> {
  const { rows } = await pool.query<Row>(
    `select id, running, idle_since is not null as idle,
            idle_since is not null and idle_since <= now() - interval '60 s' as over,
            array(select id::text from connection where dockbox_id = dockbox.id order by id) as connections
     from dockbox order by id`,
  );
  return rows;
}

/** That the rows are as the model says, and that the idle clock runs exactly while a running box has nobody. */
export async function compare(model: Model, pool: pg.Pool): Promise<void> {
  const rows = await readBoxes(pool);
  const expected = model.boxes.map((box) => ({
    id: box.id,
    running: box.running,
    idle: box.idle !== null,
    connections: model.counted(box).map(({ lease }) => lease.id),
  }));
  for (const box of expected) box.connections.sort();
  expected.sort((a, b) => (a.id < b.id ? -1 : 1));
  const actual = rows.map(({ id, running, idle, connections }) => ({ id, running, idle, connections }));
  assert.deepEqual(actual, expected);
}

const number = fc.nat({ max: 5 });
const pair = fc.tuple(number, number);
const pairs = fc.array(pair, { maxLength: 3 });

/** What can happen; the more often a thing is listed, the more often it does. */
export const commands = fc.commands(
  [
    ...[pair.map(acquire), pair.map(acquire), pair.map(release), pair.map(release)],
    ...[number.map(sweep), number.map(sweep), number.map(heartbeat), number.map(pause), number.map(goOn)],
    ...[number.map(die), pair.map(stop), pair.map(remove), fc.constant(0).map(create)],
    // Never a sum near the timeout: the test's own time passes, too.
    fc.constantFrom(25, 45, 70).map(pass),
    fc.tuple(pairs, pairs, fc.nat({ max: 2 })).map((parts) => together(...parts)),
  ],
  { size: '+1', maxCommands: 60 },
);
