import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { ConnectionManager } from '../connections/manager.js';
import type { Queryable } from '../database.js';
import type { Engine } from '../engines/engine.js';
import { fetchContainerName } from '../engines/engine.js';
import { hasImage } from '../images/pull.js';
import type { Log } from '../log.js';
import { FetchContainer, type FetchLimits, SCRIPTS } from '../sources/container.js';
import { removePrepared } from './remains.js';
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
  /** Removals of containers that have done their job. */
  readonly #done: (() => Promise<void>)[] = [];
  #tending: Promise<void> | undefined;
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

  /** Has one removed that nobody can use. */
  discard({ id }: Pick<Prepared, 'id'>): void {
    this.#done.push(() => this.#remove(id));
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

  /** Has a container removed that has done its job, once whoever gets its box has connected to it. */
  removeLater(remove: () => Promise<void>): void {
    this.#done.push(remove);
  }

  /**
   * Removes what has done its job and starts what is missing, one after the other: whoever waits for a box now needs the
   * engine more.
   */
  tend(): Promise<void> {
    this.#tending ??= this.#tend().finally(() => {
      this.#tending = undefined;
    });
    return this.#tending;
  }

  /** Removes all that was prepared or has done its job. What can't be removed is left to the sweeps of others. */
  async close(): Promise<void> {
    this.#closed = true;
    // Whoever had it work tells of its failure.
    await this.#tending?.catch(() => {});
    for (const prepared of this.#ready.splice(0)) this.discard(prepared);
    await this.#removeDone();
  }

  async #removeDone(): Promise<void> {
    for (const remove of this.#done.splice(0)) {
      await remove().catch((err: unknown) =>
        this.#options.log.warn({ err }, "a fetch's container could not be removed yet"),
      );
    }
  }

  async #tend(): Promise<void> {
    const { engine, image, size } = this.#options;
    await this.#removeDone();
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
      this.discard({ id });
      throw error;
    }
  }

  async #remove(id: string): Promise<void> {
    // From now on it is the sweep's as well, should this fail.
    await this.#options.pool.query('update prepared_fetch set replica_id = null where id = $1', [id]);
    await removePrepared(this.#options, id);
  }
}
