import { randomUUID } from 'node:crypto';
import { type Principal, SERVICE } from '../lib/auth/principal.js';
import {
  deleteRow,
  findBox,
  insertBox,
  listBoxes,
  markDeleted,
  markReady,
  markStarting,
} from '../lib/boxes/store.js';
import type { Lease } from '../lib/connections/manager.js';
import type { Replicas } from '../test/helpers/replicas.js';

/** One thing that the service asks of its database, each time for another box where it can. */
export type Operation = {
  name: string;
  /** Brings about what `run` is for. */
  prepare?: () => Promise<unknown>;
  run: () => Promise<unknown>;
};

const PAGE = 21;
/** One of those whose boxes {@link fill} makes. */
const OWNER: Principal = { owner: 'owner-0', scope: 'user', credential: { kind: 'none', id: null } };
const url = 'https://example.com/a.zip';

/** All that the service asks of its database often, by the code that asks it, on a database that {@link fill} filled. */
export async function operations({ pool, start }: Replicas): Promise<Operation[]> {
  const replica = await start();
  const { connections, boxes, sweep } = replica;
  const all = await pool.query<{ id: string; name: string }>(
    `select id, name from dockbox where running and idle_since is not null limit 40`,
  );
  const middle = await pool.query<{ created_at: string; id: string }>(
    `select created_at::text, id from dockbox order by created_at offset (select count(*) / 2 from dockbox) limit 1`,
  );
  const after = { createdAt: middle.rows[0]?.created_at ?? '', id: middle.rows[0]?.id ?? '' };
  let turn = 0;
  const next = () => all.rows[turn++ % all.rows.length] as { id: string; name: string };
  const leases: Lease[] = [];
  const made: string[] = [];

  const create = async () => {
    const id = randomUUID();
    const facts = { id, creatorId: connections.replicaId, image: 'dockbox/base', ref: null, directory: null };
    await insertBox(pool, { ...facts, owner: 'owner-0', name: id.slice(0, 20), url });
    await markStarting(pool, { ...facts, warnings: [] });
    await markReady(pool, facts);
    made.push(id);
  };

  return [
    { name: 'get by id', run: () => findBox(pool, SERVICE, next().id) },
    { name: 'get by name', run: () => findBox(pool, SERVICE, next().name) },
    { name: 'list, first page', run: () => listBoxes(pool, SERVICE, { limit: PAGE }) },
    { name: 'list, page in the middle', run: () => listBoxes(pool, SERVICE, { limit: PAGE, after }) },
    { name: 'list of an owner, first page', run: () => listBoxes(pool, OWNER, { limit: PAGE }) },
    { name: 'heartbeat', run: () => connections.heartbeat() },
    {
      name: 'acquire',
      run: async () => leases.push((await connections.acquire(SERVICE, next().id, 'main')).lease),
    },
    {
      name: 'release',
      prepare: async () => leases.push((await connections.acquire(SERVICE, next().id, 'main')).lease),
      run: () => connections.release(leases.pop() as Lease),
    },
    { name: 'create', run: create },
    {
      name: 'delete',
      prepare: create,
      run: async () => {
        const id = made.pop() as string;
        await markDeleted(pool, id);
        await deleteRow(pool, id);
      },
    },
    { name: 'sweep, nothing to do', run: () => sweep.run() },
    {
      name: 'sweep, an idle box',
      prepare: async () => {
        const { id } = next();
        await pool.query(`update dockbox set running = true, idle_since = '-infinity' where id = $1`, [id]);
      },
      run: () => sweep.run(),
    },
    {
      name: 'sweep, a dead replica',
      prepare: async () => {
        const dead = (await start()).connections;
        await dead.acquire(SERVICE, next().id, 'main');
        await pool.query(`update replica set heartbeat_at = '-infinity' where id = $1`, [dead.replicaId]);
      },
      run: () => sweep.run(),
    },
    { name: 'look for lost creations', run: () => boxes.disownLost() },
  ];
}
