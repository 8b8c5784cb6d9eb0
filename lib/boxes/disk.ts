import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type pg from 'pg';
import { transaction } from '../database.js';
import { ask, found, statusOf } from '../docker.js';
import type { Engine, Place } from '../engines/engine.js';
import type { Log } from '../log.js';
import { runInBox } from '../terminals/run.js';
import { TOOLS_PATH } from '../tools.js';
import { ROOT } from '../user.js';
import { markStopped } from './store.js';
import type { Workspaces } from './workspace.js';

const run = promisify(execFile);

/** How long a measurement may take, in ms: some two million files; less than the engine may take to answer. */
const TIMEOUT_MS = 15_000;

/** By how much a box may grow while its user cleans up, in bytes: a shell's history, an editor's notes. */
const SLACK_BYTES = 16 * 1024 ** 2;

/** A box that is over its limit is let grow no further than so many times the limit. */
const CEILING = 2;

type Options = {
  pool: pg.Pool;
  engine: Engine;
  workspaces: Workspaces;
  /** What a box may take of the disk, its workspace and what it changed of its image together, in bytes. */
  limitBytes: number;
  /** How often a running box is measured, by whichever replica, in seconds. */
  intervalSeconds: number;
  log: Log;
};

/**
 * Keeps running boxes within their limit of disk by measuring them, one at a time over all replicas. A box that takes more is stopped; its user
 * may start it again to clean up, and it is stopped again only when it has grown. This is a brake for what goes wrong, not a wall:
 * between two measurements a box writes what it can.
 */
export class DiskWatch {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Measures the boxes whose turn it is. */
  async run(): Promise<void> {
    for (let id = await this.#next(); id !== undefined; id = await this.#next()) {
      try {
        await this.#check(id);
      } catch (err) {
        this.#options.log.warn({ err, box: id }, 'it could not be measured how much disk a box takes');
      }
    }
  }

  /** Takes the next box that is due, so that no other replica does. */
  async #next(): Promise<string | undefined> {
    const { pool, intervalSeconds } = this.#options;
    const { rows } = await pool.query<{ id: string }>(
      `update dockbox set disk_checked_at = now() where id = (
         select id from dockbox
         where running and status = 'ready' and deleted_at is null
           and (disk_checked_at is null or disk_checked_at < now() - make_interval(secs => $1))
         order by disk_checked_at nulls first limit 1 for update skip locked)
       returning id`,
      [intervalSeconds],
    );
    return rows[0]?.id;
  }

  async #check(id: string): Promise<void> {
    const { pool, engine, limitBytes, log } = this.#options;
    const bytes = await this.#measure(id);
    if (bytes === undefined) return;
    await transaction(pool, async (db) => {
      const { rows } = await db.query<{ allowed: string | null }>(
        `select disk_excess as allowed from dockbox
         where id = $1 and running and status = 'ready' and deleted_at is null for update`,
        [id],
      );
      if (!rows[0]) return;
      const allowed = rows[0].allowed === null ? limitBytes : Number(rows[0].allowed) + SLACK_BYTES;
      if (bytes <= limitBytes) {
        if (rows[0].allowed !== null)
          await db.query('update dockbox set disk_excess = null where id = $1', [id]);
        return;
      }
      if (bytes <= allowed) return;
      const excess = Math.min(bytes, CEILING * limitBytes);
      await db.query('update dockbox set disk_excess = $2 where id = $1', [id, excess]);
      await engine.stop(id);
      await markStopped(db, id);
      log.warn({ box: id, bytes, limitBytes }, 'stopped a box that takes too much disk');
    });
  }

  /**
   * What a box takes, in bytes.
   * @returns undefined when it does not run any more
   * @throws when it can't be measured
   */
  async #measure(id: string): Promise<number | undefined> {
    const place = await this.#options.engine.place(id);
    if (!place) return undefined;
    const workspace = await this.#measureWorkspace(place, id);
    const inspected = (await ask(found(place.container.inspect({ size: true } as object)))) as
      | { SizeRw?: number }
      | undefined;
    return inspected && workspace !== undefined ? workspace + (inspected.SizeRw ?? 0) : undefined;
  }

  /**
   * A workspace is measured from inside its box, where no link leads elsewhere and the work counts as the box's own. A box
   * that does not let itself be measured, such as one without a process to spare, is from here.
   */
  async #measureWorkspace(place: Place, id: string): Promise<number | undefined> {
    const { workspaces } = this.#options;
    // A workspace can have no mounts in it, but subvolumes, which "-x" would leave out.
    const du = '-sk';
    const busybox = `${TOOLS_PATH}/bin/busybox`;
    const command = [busybox, 'timeout', String(TIMEOUT_MS / 1000), busybox, 'du', du, '/workspace'];
    try {
      const { output } = await runInBox(place, command, ROOT);
      const bytes = bytesOf(output);
      if (bytes !== undefined) return bytes;
    } catch (error) {
      if (statusOf(error) === undefined) throw error;
      if (statusOf(error) === 404 || statusOf(error) === 409) return undefined;
    }
    const { stdout } = await run('du', [du, workspaces.path(id)], { timeout: TIMEOUT_MS });
    return bytesOf(stdout);
  }
}

/** What du(1) says first: kilobytes. */
function bytesOf(output: string): number | undefined {
  const kilobytes = /^(\d+)\t/m.exec(output)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}
