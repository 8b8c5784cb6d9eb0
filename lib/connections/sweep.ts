import type pg from 'pg';
import { markFailed, markStopped } from '../boxes/store.js';
import type { Workspaces } from '../boxes/workspace.js';
import { transaction } from '../database.js';
import type { Engine } from '../engine.js';
import type { Log } from '../log.js';

/** A replica that has not been heard of for this long is dead: three heartbeats, in seconds. */
const REPLICA_TIMEOUT_SECONDS = 30;

/** Boxes stopped at the same time by one sweep, each of which holds a database connection meanwhile. */
const STOPS_AT_ONCE = 4;

type Options = {
  pool: pg.Pool;
  engine: Engine;
  workspaces: Workspaces;
  idleTimeoutSeconds: number;
  log: Log;
};

/**
 * Finds what nobody cares for any more and puts it away. Every replica sweeps; row locks keep them out of each other's
 * way, and a step that failed is found again by the next sweep.
 */
export class Sweep {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** The steps whose cost grows with running boxes. */
  async run(): Promise<void> {
    await this.#buryReplicas();
    await this.#failAbandonedCreations();
    await this.#startIdleClocks();
    await this.#stopIdleBoxes();
  }

  /** Removes this deployment's containers that no row names. */
  async reconcile(): Promise<void> {
    const { pool, engine, log } = this.#options;
    // Rows are read after containers: a row is always there before its container.
    const ids = [...(await engine.boxesWithContainers())];
    const { rows } = await pool.query<{ id: string }>(
      'select id::text from dockbox where id::text = any ($1)',
      [ids],
    );
    const known = new Set(rows.map(({ id }) => id));
    for (const id of ids.filter((id) => !known.has(id))) {
      log.warn({ box: id }, 'removing a container without a row');
      await engine.remove(id);
    }
  }

  async #buryReplicas(): Promise<void> {
    const { pool, log } = this.#options;
    const { rows } = await pool.query(
      `delete from replica where heartbeat_at < now() - make_interval(secs => $1) returning id, address`,
      [REPLICA_TIMEOUT_SECONDS],
    );
    for (const replica of rows) log.warn(replica, 'a replica is dead');
  }

  /** A box whose creator died will never be ready. */
  async #failAbandonedCreations(): Promise<void> {
    const { pool, engine, workspaces, log } = this.#options;
    const { rows } = await pool.query<{ id: string }>(
      `select id from dockbox where status = 'creating' and creator_id is null`,
    );
    for (const { id } of rows) {
      await transaction(pool, async (db) => {
        const { rowCount } = await db.query(
          `select from dockbox where id = $1 and status = 'creating' and creator_id is null for update skip locked`,
          [id],
        );
        if (!rowCount) return;
        await engine.remove(id);
        await workspaces.remove(id, engine.labels(id));
        await markFailed(db, id, 'The server that was creating this dockbox went away: create it again.');
        log.warn({ box: id }, 'a creation was abandoned');
      });
    }
  }

  /** Boxes that run without a connection and without an idle clock: their connections died with a replica. */
  async #startIdleClocks(): Promise<void> {
    await transaction(this.#options.pool, async (db) => {
      const { rows } = await db.query<{ id: string }>(
        `select id from dockbox where running and idle_since is null and status = 'ready'
           and not exists (select from connection where dockbox_id = dockbox.id)
         for update skip locked`,
      );
      // Asked again now that they are locked: a connection may have come in between.
      await db.query(
        `update dockbox set idle_since = now()
         where id = any ($1::uuid[]) and idle_since is null
           and not exists (select from connection where dockbox_id = dockbox.id)`,
        [rows.map(({ id }) => id)],
      );
    });
  }

  async #stopIdleBoxes(): Promise<void> {
    const tried: string[] = [];
    const worker = async () => {
      while (await this.#stopNextIdleBox(tried));
    };
    await Promise.all(Array.from({ length: STOPS_AT_ONCE }, worker));
  }

  /** @returns false when there is none left */
  async #stopNextIdleBox(tried: string[]): Promise<boolean> {
    const { pool, engine, idleTimeoutSeconds, log } = this.#options;
    return transaction(pool, async (db) => {
      const { rows } = await db.query<{ id: string }>(
        `select id from dockbox
         where running and status = 'ready' and idle_since <= now() - make_interval(secs => $1)
           and id <> all ($2::uuid[])
         order by idle_since limit 1 for update skip locked`,
        [idleTimeoutSeconds, tried],
      );
      const id = rows[0]?.id;
      if (!id) return false;
      tried.push(id);

      const { rows: connected } = await db.query('select from connection where dockbox_id = $1 limit 1', [
        id,
      ]);
      if (connected.length > 0) {
        await db.query('update dockbox set idle_since = null where id = $1', [id]);
        return true;
      }
      // The lock is held while it stops: whoever connects now waits, then starts it again.
      try {
        await engine.stop(id);
      } catch (err) {
        log.error({ err, box: id }, 'an idle box could not be stopped');
        return true;
      }
      await markStopped(db, id);
      log.info({ box: id }, 'stopped an idle box');
      return true;
    });
  }
}
