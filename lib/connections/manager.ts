import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { type Box, lockBox } from '../boxes/store.js';
import { type Queryable, transaction } from '../database.js';
import { errors } from '../errors.js';
import { every } from '../every.js';
import type { Log } from '../log.js';

/** How often a replica says that it lives, in ms. One that is silent for three of these is taken for dead. */
const HEARTBEAT_MS = 10_000;

/** One connection of a client to a box's terminal: as long as it is held, nobody stops the box for being idle. */
export type Lease = { id: string; boxId: string; terminal: string };

type Options = {
  pool: pg.Pool;
  /** Where this replica runs, for whoever reads the table. */
  address: string;
  log: Log;
};

/**
 * Counts the connections of each box. The counts are rows, so that they hold across replicas and crashes: a replica that
 * dies takes its connections with it when the sweep finds it silent.
 */
export class ConnectionManager {
  /** This replica's id. */
  readonly replicaId = randomUUID();
  readonly #pool: pg.Pool;
  readonly #address: string;
  readonly #log: Log;
  readonly #leases = new Map<string, Lease>();
  #stopHeartbeat = async () => {};

  constructor({ pool, address, log }: Options) {
    this.#pool = pool;
    this.#address = address;
    this.#log = log;
  }

  /** Registers this replica and keeps its heart beating. */
  async open(): Promise<void> {
    await this.#register();
    this.#stopHeartbeat = every(
      () => HEARTBEAT_MS,
      () => this.heartbeat(),
      (err) => this.#log.error({ err }, 'the heartbeat failed'),
    );
  }

  /** Gives up every connection and takes this replica off the list. */
  async close(): Promise<void> {
    await this.#stopHeartbeat();
    await Promise.all([...this.#leases.values()].map((lease) => this.release(lease)));
    await this.#pool.query('delete from replica where id = $1', [this.replicaId]);
  }

  /**
   * Counts a new connection and takes the box out of the deletion queue. The caller then sees to it that the box runs:
   * a sweep that was about to stop it has either done so before this returns, or will find the connection.
   * @throws {@link errors.BoxNotFound}, {@link errors.BoxNotReady}
   */
  async acquire(idOrName: string, terminal: string): Promise<{ lease: Lease; box: Box }> {
    const { lease, box } = await transaction(this.#pool, async (db) => {
      const box = await lockBox(db, idOrName);
      if (!box) throw new errors.BoxNotFound(idOrName);
      if (box.status !== 'ready') throw new errors.BoxNotReady(`The dockbox "${idOrName}" is ${box.status}.`);
      const lease = { id: randomUUID(), boxId: box.id, terminal };
      await insertConnections(db, this.replicaId, [lease]);
      await db.query('update dockbox set idle_since = null, running = true where id = $1', [box.id]);
      return { lease, box };
    });
    this.#leases.set(lease.id, lease);
    return { lease, box };
  }

  /** Counts the connection no more. The last one to go puts the box in the deletion queue. */
  async release(lease: Lease): Promise<void> {
    this.#leases.delete(lease.id);
    await transaction(this.#pool, async (db) => {
      // Locked first: of two releases that don't see each other's delete, neither would start the idle clock.
      await db.query('select from dockbox where id = $1 for update', [lease.boxId]);
      await db.query('delete from connection where id = $1', [lease.id]);
      await db.query(
        `update dockbox set idle_since = now()
         where id = $1 and idle_since is null
           and not exists (select from connection where dockbox_id = $1)`,
        [lease.boxId],
      );
    });
  }

  /** Notes which exec serves a connection, so that any replica can resize it. */
  async setExec(lease: Lease, execId: string): Promise<void> {
    await this.#pool.query('update connection set exec_id = $2 where id = $1', [lease.id, execId]);
  }

  /** The execs that serve a box's terminal, on whichever replica their clients are. */
  async execsOf(boxId: string, terminal: string): Promise<string[]> {
    const { rows } = await this.#pool.query<{ exec_id: string }>(
      'select exec_id from connection where dockbox_id = $1 and terminal = $2 and exec_id is not null',
      [boxId, terminal],
    );
    return rows.map(({ exec_id }) => exec_id);
  }

  /** Says that this replica lives. One that was taken for dead, because it was paused or cut off, comes back. */
  async heartbeat(): Promise<void> {
    const { rowCount } = await this.#pool.query('update replica set heartbeat_at = now() where id = $1', [
      this.replicaId,
    ]);
    if (rowCount === 1) return;
    this.#log.warn({ connections: this.#leases.size }, 'taken for dead by another replica: registering anew');
    await this.#register();
  }

  async #register(): Promise<void> {
    const leases = [...this.#leases.values()];
    await transaction(this.#pool, async (db) => {
      await db.query('insert into replica (id, address) values ($1, $2) on conflict (id) do nothing', [
        this.replicaId,
        this.#address,
      ]);
      const { rows } = await db.query<{ id: string }>(
        `update dockbox set idle_since = null, running = true
         where id in (select id from dockbox where id = any ($1::uuid[]) order by id for update)
         returning id`,
        [leases.map(({ boxId }) => boxId)],
      );
      const present = new Set(rows.map(({ id }) => id));
      await insertConnections(
        db,
        this.replicaId,
        leases.filter(({ boxId }) => present.has(boxId)),
      );
    });
  }
}

async function insertConnections(db: Queryable, replicaId: string, leases: Lease[]): Promise<void> {
  await db.query(
    `insert into connection (id, dockbox_id, replica_id, terminal)
     select id, dockbox_id, $1, terminal
     from unnest($2::uuid[], $3::uuid[], $4::text[]) as lease (id, dockbox_id, terminal)`,
    [replicaId, leases.map((l) => l.id), leases.map((l) => l.boxId), leases.map((l) => l.terminal)],
  );
}
