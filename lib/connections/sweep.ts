import type pg from 'pg';
import { removeContents, removePrepared, removeRemains } from '../boxes/remains.js';
import { markFailed, markStopped } from '../boxes/store.js';
import type { Workspaces } from '../boxes/workspace.js';
import { transaction } from '../database.js';
import type { Engine } from '../engines/engine.js';
import { publish } from '../events.js';
import type { Log } from '../log.js';
import { Forsaken, type Left } from './forsaken.js';
import { BEATS_PER_LEASE } from './manager.js';

/** After it was itself out of touch, a replica leaves the others so many heartbeats to come back before it buries any. */
const RETURN_BEATS = 1.5;

/** Boxes stopped at the same time by one sweep, each of which holds a database connection meanwhile. */
const STOPS_AT_ONCE = 4;

/** A deletion that has not ended by itself after this long has been left off, in seconds. */
const DELETION_SECONDS = 30;

/** Deletions that one sweep ends, and prepared containers that it removes. */
const DELETIONS_AT_ONCE = 20;

type Options = {
  pool: pg.Pool;
  engine: Engine;
  workspaces: Workspaces;
  /** Who sweeps. */
  replicaId: string;
  /** A replica that has not been heard of for this long is dead, in seconds. */
  leaseSeconds: number;
  idleTimeoutSeconds: number;
  /** Whether boxes have tools. */
  tools: boolean;
  log: Log;
};

/**
 * Finds what nobody cares for any more and puts it away. Every replica sweeps; row locks keep them out of each other's
 * way, and a step that failed is found again by the next sweep.
 */
export class Sweep {
  readonly #options: Options;
  readonly #forsaken: Forsaken;

  constructor(options: Options) {
    this.#options = options;
    // Out of touch for longer than that, a replica gives its terminals up by itself.
    const patienceMs = (options.leaseSeconds + options.idleTimeoutSeconds) * 1000;
    this.#forsaken = new Forsaken({ ...options, patienceMs });
  }

  /** The steps whose cost grows with running boxes. */
  async run(): Promise<void> {
    const startedAt = performance.now();
    let outcome: 'done' | 'failed' = 'failed';
    try {
      await this.#run();
      outcome = 'done';
    } finally {
      publish('dockbox.sweep', { ms: performance.now() - startedAt, outcome });
    }
  }

  async #run(): Promise<void> {
    const { engine } = this.#options;
    await this.#buryReplicas();
    await this.#startIdleClocks();
    // Without an engine it would only keep rows locked that others could deal with.
    await engine.ping();
    await this.#failAbandonedCreations();
    await this.#endDeletions();
    await this.#removePrepared();
    await this.#forsaken.end();
    await this.#stopIdleBoxes();
  }

  /**
   * Removes replicas that are silent, and their connections with them. When the database itself was away, all of them have
   * been silent: who finds that it was so itself waits until those that live have said so.
   */
  async #buryReplicas(): Promise<void> {
    const { pool, log, replicaId, leaseSeconds } = this.#options;
    const { rows } = await pool.query<{ id: string; address: string; left: Left[] }>(
      `with dead as (
         delete from replica where heartbeat_at < now() - make_interval(secs => $2)
           and exists (
             select from replica as own
             where own.id = $1 and own.heartbeat_at > now() - make_interval(secs => $2)
               and (own.returned_at is null or own.returned_at < now() - make_interval(secs => $3)))
         returning id, address)
       select id, address, array(
         select json_build_object('connection', connection.id, 'boxId', dockbox_id, 'leader', leader)
         from connection where replica_id = dead.id) as left
       from dead`,
      [replicaId, leaseSeconds, (leaseSeconds / BEATS_PER_LEASE) * RETURN_BEATS],
    );
    for (const { id, address, left } of rows) {
      log.warn({ id, address, connections: left.length }, 'a replica is dead');
      this.#forsaken.remember(left);
    }
  }

  /** A box whose creator died will never be ready. */
  async #failAbandonedCreations(): Promise<void> {
    const { pool, log } = this.#options;
    const { rows } = await pool.query<{ id: string }>(
      `select id from dockbox where status = 'creating' and creator_id is null and deleted_at is null`,
    );
    for (const { id } of rows) {
      const failed = transaction(pool, async (db) => {
        const { rowCount } = await db.query(
          `select from dockbox
           where id = $1 and status = 'creating' and creator_id is null and deleted_at is null
           for update skip locked`,
          [id],
        );
        if (!rowCount) return;
        await removeContents(this.#options, id);
        await markFailed(db, id, 'The server that was creating this dockbox went away: create it again.');
        log.warn({ box: id }, 'a creation was abandoned');
      });
      // What can't be put away now is no reason to leave all else.
      await failed.catch((err: unknown) =>
        log.error({ err, box: id }, 'an abandoned creation could not be put away'),
      );
    }
  }

  /** Deletions that were begun by a replica that died, or for which the engine went away. */
  async #endDeletions(): Promise<void> {
    const { pool, log } = this.#options;
    const { rows } = await pool.query<{ id: string }>(
      `select id from dockbox where deleted_at < now() - make_interval(secs => $1)
       order by deleted_at limit $2`,
      [DELETION_SECONDS, DELETIONS_AT_ONCE],
    );
    for (const { id } of rows) {
      try {
        await removeRemains(this.#options, id);
        log.warn({ box: id }, 'ended a deletion that had been left off');
      } catch (err) {
        log.error({ err, box: id }, 'a deletion could not be ended');
      }
    }
  }

  /** Containers that a replica had prepared that is dead, or that it could not remove. */
  async #removePrepared(): Promise<void> {
    const { pool, log } = this.#options;
    const { rows } = await pool.query<{ id: string }>(
      'select id from prepared_fetch where replica_id is null limit $1',
      [DELETIONS_AT_ONCE],
    );
    for (const { id } of rows) {
      try {
        await removePrepared(this.#options, id);
        log.info({ box: id }, 'removed a prepared container that nobody will use');
      } catch (err) {
        log.error({ err, box: id }, 'a prepared container could not be removed');
      }
    }
  }

  /** Boxes that run without a connection and without an idle clock: their connections died with a replica. */
  async #startIdleClocks(): Promise<void> {
    await transaction(this.#options.pool, async (db) => {
      const { rows } = await db.query<{ id: string }>(
        `select id from dockbox
         where running and idle_since is null and status = 'ready' and deleted_at is null
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
         where running and status = 'ready' and deleted_at is null and idle_since <= now() - make_interval(secs => $1)
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
      publish('dockbox.idle-stop', {});
      log.info({ box: id }, 'stopped an idle box');
      return true;
    });
  }
}
