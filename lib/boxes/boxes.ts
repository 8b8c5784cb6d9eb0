import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionManager, Lease } from '../connections/manager.js';
import { transaction } from '../database.js';
import { errors } from '../errors.js';
import { normalizeImage } from '../images/pull.js';
import { checkSource } from '../sources/address.js';
import { parseSource, type Source } from '../sources/parse.js';
import { Creation, type Surroundings } from './creation.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import { generateName } from './name.js';
import { type Box, deleteBox, findBox, insertBox, isId, listBoxes, lockBox, markStopped } from './store.js';

/** How often a terminal on another replica than the creator's looks whether the box is ready, in ms. */
const POLL_MS = 500;

export type BoxRequest = {
  url: string;
  ref?: string;
  directory?: string;
  image?: string;
  name?: string;
};

type Options = Omit<Surroundings, 'creatorId'> & { connections: ConnectionManager };

/** The boxes of a deployment, from their creation to their deletion. */
export class Boxes {
  readonly #around: Surroundings;
  readonly #connections: ConnectionManager;
  readonly #creations = new Map<string, Creation>();

  constructor({ connections, ...surroundings }: Options) {
    this.#around = { ...surroundings, creatorId: connections.replicaId };
    this.#connections = connections;
  }

  /**
   * Makes a box and waits for at most `waitSeconds` until it is ready; its creation goes on after that.
   * @returns the box, `ready` or still `creating`
   * @throws what {@link parseSource}, {@link checkSource} and the fetch throw; {@link errors.NameTaken};
   *   {@link errors.EngineUnavailable}. Nothing is left behind then
   */
  async create(request: BoxRequest, waitSeconds: number): Promise<Box> {
    const { allowPrivateSources, engine, pool } = this.#around;
    const source = parseSource(request, this.#around.env);
    const image = request.image === undefined ? null : normalizeImage(request.image);
    if (request.name !== undefined && isId(request.name)) {
      throw new errors.InvalidRequest('The name must not look like an id: choose another.');
    }
    await engine.ping();
    await checkSource(source, { allowPrivate: allowPrivateSources });

    const box = await this.#insert(source, image, request.name);
    const creation = new Creation(box, source, this.#around);
    this.#creations.set(box.id, creation);
    const done = creation.outcome.finally(() => this.#creations.delete(box.id));
    done.catch(() => {});

    const clock = new AbortController();
    const timeout = delay(waitSeconds * 1000, 'timeout', { signal: clock.signal }).catch(() => 'aborted');
    const first = await Promise.race([done, timeout]).finally(() => clock.abort());
    if (first !== 'timeout' || !creation.detach()) await done;
    return (await findBox(pool, box.id)) ?? box;
  }

  /** @throws {@link errors.BoxNotFound} */
  async get(idOrName: string): Promise<Box> {
    const { engine } = this.#around;
    const box = await this.#find(idOrName);
    return { ...box, running: box.running && (await engine.isRunning(box.id)) };
  }

  /**
   * A page of boxes, newest first.
   * @param cursor the `nextCursor` of the page before
   * @throws {@link errors.InvalidRequest} when the cursor is not one of ours
   */
  async list(limit: number, cursor?: string): Promise<{ items: Box[]; nextCursor: string | null }> {
    const { engine, pool } = this.#around;
    const after = cursor === undefined ? undefined : decodeCursor(cursor);
    const rows = await listBoxes(pool, { limit: limit + 1, after });
    const page = rows.slice(0, limit);
    const running = page.some((box) => box.running) ? await engine.runningBoxes() : new Set();
    const last = page.at(-1);
    return {
      items: page.map((box) => ({ ...box, running: box.running && running.has(box.id) })),
      nextCursor:
        last && rows.length > limit ? encodeCursor({ createdAt: last.cursorTime, id: last.id }) : null,
    };
  }

  /**
   * Stops a box's container now. Its terminals end; its files stay.
   * @throws {@link errors.BoxNotFound}; {@link errors.BoxNotReady} when it was never ready
   */
  async stop(idOrName: string): Promise<Box> {
    const { engine, pool } = this.#around;
    return transaction(pool, async (db) => {
      const box = await lockBox(db, idOrName);
      if (!box) throw new errors.BoxNotFound(idOrName);
      if (box.status !== 'ready') {
        throw new errors.BoxNotReady(`The dockbox "${idOrName}" is ${box.status}: there is nothing to stop.`);
      }
      await engine.stop(box.id);
      await markStopped(db, box.id);
      return { ...box, running: false };
    });
  }

  /**
   * Removes a box: container, workspace and row. Its terminals end.
   * @throws {@link errors.BoxNotFound}
   */
  async delete(idOrName: string): Promise<void> {
    const { engine, pool, workspaces } = this.#around;
    const { id, name } = await this.#find(idOrName);
    const deleted = new errors.BoxNotReady(`The dockbox "${name}" was deleted while it was being created.`);
    await this.#creations.get(id)?.cancel(deleted);
    await transaction(pool, async (db) => {
      // Gone already when a creation was cancelled for which somebody waited.
      if (!(await lockBox(db, id))) return;
      await engine.remove(id);
      await workspaces.remove(id, engine.labels(id));
      await deleteBox(db, id);
    });
  }

  /** Whether a box is gone for good. Waits for a deletion, or a stop, that is at work. */
  async isDeleted(id: string): Promise<boolean> {
    const { rowCount } = await this.#around.pool.query('select from dockbox where id = $1 for share', [id]);
    return rowCount === 0;
  }

  /**
   * Counts a new connection to a terminal of a ready box, and sees to it that the box runs.
   * @throws {@link errors.BoxNotFound}, {@link errors.BoxNotReady}, {@link errors.WorkspaceMissing},
   *   {@link errors.EngineUnavailable}, {@link errors.ImageUnavailable}
   */
  async connect(idOrName: string, terminal: string): Promise<{ lease: Lease; box: Box }> {
    const { engine, pool, workspaces } = this.#around;
    const connection = await this.#connections.acquire(idOrName, terminal);
    const { id, name, image } = connection.box;
    try {
      if (!(await workspaces.exists(id))) throw new errors.WorkspaceMissing(name);
      await engine.ensureRunning({ id, name, image: image ?? '' });
      // Deleted between the lease and the start: what was started has no row any more.
      if (!(await findBox(pool, id))) {
        await engine.remove(id);
        throw new errors.BoxNotFound(idOrName);
      }
      return connection;
    } catch (error) {
      await this.#connections.release(connection.lease);
      throw error;
    }
  }

  /**
   * Waits until a box is no longer being created.
   * @param onProgress gets the creation's progress, as text for a terminal
   * @returns the box, `ready` or `failed`
   * @throws {@link errors.BoxNotFound} when it is deleted meanwhile; the signal's reason when aborted
   */
  async settled(id: string, onProgress: (text: string) => void, signal: AbortSignal): Promise<Box> {
    const creation = this.#creations.get(id);
    if (creation) {
      const unfollow = creation.progress.follow(onProgress);
      await Promise.race([creation.outcome.catch(() => {}), aborted(signal)]).finally(unfollow);
    } else {
      onProgress('This dockbox is being created\r\n');
    }
    for (;;) {
      const box = await this.#find(id);
      if (box.status !== 'creating') return box;
      await delay(POLL_MS, undefined, { signal });
    }
  }

  /** Gives the creations at work up to `drainSeconds` to end, then gives them up. */
  async drain(drainSeconds: number): Promise<void> {
    const creations = [...this.#creations.values()];
    if (creations.length === 0) return;
    const clock = new AbortController();
    const timeout = delay(drainSeconds * 1000, undefined, { signal: clock.signal }).catch(() => {});
    await Promise.race([timeout, Promise.allSettled(creations.map(({ outcome }) => outcome))]);
    clock.abort();
    await Promise.all(creations.map((creation) => creation.cancel(new errors.Draining())));
  }

  async #find(idOrName: string): Promise<Box> {
    const box = await findBox(this.#around.pool, idOrName);
    if (!box) throw new errors.BoxNotFound(idOrName);
    return box;
  }

  async #insert(source: Source, image: string | null, name: string | undefined): Promise<Box> {
    const { pool, creatorId } = this.#around;
    const row = {
      id: randomUUID(),
      url: source.url,
      ref: source.ref ?? null,
      directory: source.directory ?? null,
      image,
      creatorId,
    };
    for (;;) {
      const chosen = name ?? generateName(source.slug);
      if (await insertBox(pool, { ...row, name: chosen })) return this.#find(row.id);
      if (name !== undefined) throw new errors.NameTaken(name);
    }
  }
}

/** Rejects with the signal's reason once it is aborted. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
