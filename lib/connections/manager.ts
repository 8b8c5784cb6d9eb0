import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { assertGood } from '../auth/liveness.js';
import type { Principal } from '../auth/principal.js';
import type { Quotas } from '../boxes/quotas.js';
import { type Box, lockBox } from '../boxes/store.js';
import { type Queryable, transaction } from '../database.js';
import { errors } from '../errors.js';
import { every } from '../every.js';
import type { Log } from '../log.js';

/** How often a replica says that it lives, within the time after which it is taken for dead. */
export const BEATS_PER_LEASE = 3;

/** The foreign keys that name a replica. */
const OWN_ROW_MISSING = new Set([
  'connection_replica_id_fkey',
  'dockbox_creator_id_fkey',
  'prepared_fetch_replica_id_fkey',
]);

/** One connection of a client to a box's terminal: as long as it is held, nobody stops the box for being idle. */
export type Lease = {
  id: string;
  /** Whose credential it was opened with. */
  owner: string;
  boxId: string;
  terminal: string;
  /** The exec that serves it, once there is one. */
  execId?: string;
  /** The process that its TTY was made for, and when it began. */
  leader?: string;
  /** Whether it did not count for a while, because this replica was taken for dead. */
  lapsed?: boolean;
};

type Options = {
  pool: pg.Pool;
  /** Where this replica runs, for whoever reads the table. */
  address: string;
  /** A replica that has not been heard of for this long is dead, in seconds. */
  leaseSeconds: number;
  quotas: Quotas;
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
  readonly #leaseSeconds: number;
  readonly #quotas: Quotas;
  readonly #log: Log;
  readonly #leases = new Map<string, Lease>();
  /** Connections that are gone, and that the database could not be told of. */
  readonly #unreleased = new Map<string, Lease>();
  #lastBeat = performance.now();
  #stopHeartbeat = async () => {};

  constructor({ pool, address, leaseSeconds, quotas, log }: Options) {
    this.#pool = pool;
    this.#leaseSeconds = leaseSeconds;
    this.#quotas = quotas;
    this.#address = address;
    this.#log = log;
  }

  /** Registers this replica and keeps its heart beating. */
  async open(): Promise<void> {
    await this.#register();
    this.#stopHeartbeat = every(
      () => (this.#leaseSeconds * 1000) / BEATS_PER_LEASE,
      () => this.heartbeat(),
      (err) => this.#log.error({ err }, 'the heartbeat failed'),
    );
  }

  /** Gives up every connection and takes this replica off the list. What the database can't be told, it finds out. */
  async close(): Promise<void> {
    await this.#stopHeartbeat();
    await Promise.all([...this.#leases.values()].map((lease) => this.release(lease)));
    await this.#pool
      .query('delete from replica where id = $1', [this.replicaId])
      .catch((err) => this.#log.warn({ err }, 'could not take this replica off the list'));
  }

  /** For how long the database has not heard that this replica lives, in ms of this replica's own clock. */
  get silentMs(): number {
    return performance.now() - this.#lastBeat;
  }

  /**
   * Counts a new connection and takes the box out of the deletion queue. The caller then sees to it that the box runs:
   * a sweep that was about to stop it has either done so before this returns, or will find the connection.
   * @throws {@link errors.BoxNotFound}, {@link errors.BoxNotReady}, {@link errors.CredentialRevoked},
   *   {@link errors.QuotaReached}
   */
  async acquire(who: Principal, idOrName: string, terminal: string): Promise<{ lease: Lease; box: Box }> {
    const id = randomUUID();
    return this.registered(() =>
      transaction(this.#pool, async (db) => {
        const box = await lockBox(db, who, idOrName);
        if (!box) throw new errors.BoxNotFound(idOrName);
        if (box.status !== 'ready')
          throw new errors.BoxNotReady(`The dockbox "${idOrName}" is ${box.status}.`);
        await assertGood(db, who.credential);
        await this.#quotas.checkConnection(db, who, box);
        const lease = { id, owner: who.owner, boxId: box.id, terminal };
        // Held before it is committed: should the answer be lost, the connection is still released.
        this.#leases.set(id, lease);
        await insertConnections(db, this.replicaId, [lease]);
        await db.query('update dockbox set idle_since = null, running = true where id = $1', [box.id]);
        return { lease, box };
      }),
    ).catch(async (error: Error) => {
      const lease = this.#leases.get(id);
      if (lease) await this.release(lease);
      throw error;
    });
  }

  /** Whether there was a time when the connection did not count, so that others may have stopped its box. */
  async hasLapsed(lease: Lease): Promise<boolean> {
    const { rowCount } = await this.#pool.query('select from connection where id = $1', [lease.id]);
    return rowCount === 0 || lease.lapsed === true;
  }

  /**
   * Counts the connection no more. The last one to go puts the box in the deletion queue. When the database can't be told
   * now, it is after the next heartbeat.
   */
  async release(lease: Lease): Promise<void> {
    this.#leases.delete(lease.id);
    try {
      await this.#delete(lease);
    } catch (err) {
      this.#unreleased.set(lease.id, lease);
      this.#log.warn({ err, box: lease.boxId }, 'a connection could not be released yet');
    }
  }

  async #delete(lease: Lease): Promise<void> {
    await transaction(this.#pool, async (db) => {
      // Locked first: of two releases that don't see each other's delete, neither would start the idle clock.
      await db.query('select from dockbox where id = $1 for update', [lease.boxId]);
      await db.query('delete from connection where id = $1', [lease.id]);
      await db.query(
        `update dockbox set idle_since = now()
         where id = $1 and running and idle_since is null
           and not exists (select from connection where dockbox_id = $1)`,
        [lease.boxId],
      );
    });
  }

  /** Notes which exec serves a connection, so that any replica can resize it, and which process to hang up after it. */
  async setExec(lease: Lease, execId: string, leader: string): Promise<void> {
    Object.assign(lease, { execId, leader });
    await this.#pool.query('update connection set exec_id = $2, leader = $3 where id = $1', [
      lease.id,
      execId,
      leader,
    ]);
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
    const startedAt = performance.now();
    const { rowCount } = await this.#pool.query(
      `update replica set heartbeat_at = now(),
         returned_at = case when heartbeat_at < now() - make_interval(secs => $2) then now() else returned_at end
       where id = $1`,
      [this.replicaId, this.#leaseSeconds],
    );
    if (rowCount !== 1) {
      this.#log.warn(
        { connections: this.#leases.size },
        'taken for dead by another replica: registering anew',
      );
      await this.#register();
    }
    this.#lastBeat = startedAt;
    for (const lease of [...this.#unreleased.values()]) {
      await this.#delete(lease);
      this.#unreleased.delete(lease.id);
    }
  }

  /** Has this replica be heard, when it was silent for so long that others may be about to take it for dead. */
  async breakSilence(): Promise<void> {
    if (this.silentMs > this.#leaseSeconds * 1000) await this.heartbeat();
  }

  /**
   * Does work that writes rows in this replica's name. When it was taken for dead and does not know yet, it comes back
   * first.
   */
  async registered<Result>(work: () => Promise<Result>): Promise<Result> {
    await this.breakSilence();
    try {
      return await work();
    } catch (error) {
      if (!OWN_ROW_MISSING.has((error as pg.DatabaseError).constraint ?? '')) throw error;
      await this.heartbeat();
      return work();
    }
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
         where id in (
           select id from dockbox where id = any ($1::uuid[]) and deleted_at is null order by id for update)
         returning id`,
        [leases.map(({ boxId }) => boxId)],
      );
      const present = new Set(rows.map(({ id }) => id));
      // Looked at now that the rows are locked: a connection released since then would come back for good.
      const held = leases.filter(({ id, boxId }) => this.#leases.has(id) && present.has(boxId));
      await insertConnections(db, this.replicaId, held);
      for (const lease of held) lease.lapsed = true;
    });
  }
}

async function insertConnections(db: Queryable, replicaId: string, leases: Lease[]): Promise<void> {
  await db.query(
    `insert into connection (id, dockbox_id, replica_id, terminal, exec_id, leader, owner)
     select id, dockbox_id, $1, terminal, exec_id, leader, owner
     from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[])
       as lease (id, dockbox_id, terminal, exec_id, leader, owner)
     on conflict (id) do nothing`,
    [
      replicaId,
      leases.map((lease) => lease.id),
      leases.map((lease) => lease.boxId),
      leases.map((lease) => lease.terminal),
      leases.map((lease) => lease.execId ?? null),
      leases.map((lease) => lease.leader ?? null),
      leases.map((lease) => lease.owner),
    ],
  );
}
