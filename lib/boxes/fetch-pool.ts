import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { ConnectionManager } from '../connections/manager.js';
import type { Queryable } from '../database.js';
import type { Engine } from '../engines/engine.js';
import { fetchContainerName } from '../engines/engine.js';
import { hasImage } from '../images/pull.js';
import type { Log } from '../log.js';
import { FetchContainer, type FetchLimits, SCRIPTS } from '../sources/container.js';
import { removeContents } from './remains.js';
import type { Workspaces } from './workspace.js';

/** A container that waits for a repository to fetch, and the id that the box of that source is to have. */
export type Prepared = { id: string; container: FetchContainer };

type Options = {
  pool: pg.Pool;
  engine: Engine;
  workspaces: Workspaces;
  connections: ConnectionManager;
  /** How many are kept ready; 0 for none. */
  size: number;
  image: string;
  limits: Omit<FetchLimits, 'timeoutSeconds'>;
  log: Log;
};

/**
 * Containers for the fetch of repositories that are started before anybody asks for one. Nothing can be mounted into a
 * container that runs: so each is started with a new workspace, under a new box's id, and the next box gets that id. Like a
 * box, it has a row before it has anything else, so that it is found when its replica dies.
 *
 * Only those for repositories elsewhere: they need a network, which takes the longest.
 */
export class FetchPool {
  readonly #options: Options;
  readonly #ready: Prepared[] = [];
  /** What is at work in the background. */
  readonly #work = new Set<Promise<void>>();
  #filling: Promise<void> | undefined;
  #closed = false;

  constructor(options: Options) {
    this.#options = options;
  }

  /** One that is ready; undefined when there is none. The box's row {@link claim}s it, or else it is given back. */
  take(): Prepared | undefined {
    return this.#ready.shift();
  }

  giveBack(prepared: Prepared): void {
    this.#ready.unshift(prepared);
  }

  /**
   * Makes a prepared container the box's that is inserted in the same transaction.
   * @returns false when it is not this replica's any more, which was taken for dead: others remove it
   */
  async claim(db: Queryable, { id }: Prepared): Promise<boolean> {
    const { rowCount } = await db.query('delete from prepared_fetch where id = $1 and replica_id = $2', [
      id,
      this.#options.connections.replicaId,
    ]);
    return rowCount === 1;
  }

  /** Starts what is missing, one after the other: whoever waits for a box now needs the engine more. */
  fill(): Promise<void> {
    this.#filling ??= this.#fill().finally(() => {
      this.#filling = undefined;
    });
    return this.#filling;
  }

  /** Lets what needs nobody's attention end by itself. @param failed what to say when it can't */
  inBackground(work: Promise<void>, failed: string): void {
    const done = work
      .catch((err: unknown) => this.#options.log.warn({ err }, failed))
      .finally(() => this.#work.delete(done));
    this.#work.add(done);
  }

  /** Removes all that was prepared, and waits for what is at work. What can't be removed is left to the sweep. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#filling?.catch(() => {});
    for (const { id } of this.#ready.splice(0)) {
      this.inBackground(this.#discard(id), 'a prepared container is left to the sweep');
    }
    await Promise.all(this.#work);
  }

  async #fill(): Promise<void> {
    const { engine, image, size } = this.#options;
    if (this.#ready.length >= size || !(await hasImage(await engine.worker(), image))) return;
    while (this.#ready.length < size && !this.#closed) this.#ready.push(await this.#prepare());
  }

  async #prepare(): Promise<Prepared> {
    const { pool, engine, workspaces, connections, image, limits } = this.#options;
    const id = randomUUID();
    await connections.registered(() =>
      pool.query('insert into prepared_fetch (id, replica_id) values ($1, $2)', [id, connections.replicaId]),
    );
    try {
      await workspaces.make(id);
      const container = await FetchContainer.start({
        ...limits,
        docker: await engine.worker(),
        image,
        name: fetchContainerName(id),
        labels: engine.labels(id),
        workspace: workspaces.path(id),
        network: 'bridge',
        script: SCRIPTS.git,
      });
      return { id, container };
    } catch (error) {
      this.inBackground(this.#discard(id), 'a prepared container is left to the sweep');
      throw error;
    }
  }

  async #discard(id: string): Promise<void> {
    const { pool } = this.#options;
    // From now on it is the sweep's as well, should this fail.
    await pool.query('update prepared_fetch set replica_id = null where id = $1', [id]);
    await removeContents(this.#options, id);
    await pool.query('delete from prepared_fetch where id = $1', [id]);
  }
}
