import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Principal, SERVICE } from '../auth/principal.js';
import type { ConnectionManager, Lease } from '../connections/manager.js';
import { transaction } from '../database.js';
import { errors } from '../errors.js';
import { normalizeImage } from '../images/pull.js';
import { checkSource } from '../sources/address.js';
import { type Credentials, checkCredentials } from '../sources/credentials.js';
import { parseSource } from '../sources/parse.js';
import { Creation, deletedWhileCreated, type Surroundings } from './creation.js';
import { decodeCursor, pageOf } from './cursor.js';
import type { Prepared } from './fetch-pool.js';
import { generateName } from './name.js';
import type { Quotas } from './quotas.js';
import { RecentImages } from './recent-images.js';
import { removeRemains } from './remains.js';
import {
  type Box,
  deleteRow,
  findBox,
  insertBox,
  isId,
  listBoxes,
  lockBox,
  markDeleted,
  markStarted,
  markStopped,
  type NewBox,
} from './store.js';

/** How often a terminal on another replica than the creator's looks whether the box is ready, in ms. */
const POLL_MS = 500;

export type BoxRequest = {
  url: string;
  ref?: string;
  directory?: string;
  image?: string;
  name?: string;
  /** For a private source: used for its fetch alone. */
  credentials?: Credentials;
};

/** A connection that counts, to a box that runs. */
export type Connected = {
  lease: Lease;
  box: Box;
  /** Whether its container had to be started. */
  started: boolean;
};

type Options = Omit<Surroundings, 'creatorId' | 'recentImages'> & {
  connections: ConnectionManager;
  quotas: Quotas;
};

/** The boxes of a deployment, from their creation to their deletion. */
export class Boxes {
  readonly #around: Surroundings;
  readonly #connections: ConnectionManager;
  readonly #quotas: Quotas;
  readonly #creations = new Map<string, Creation>();
  /** Ids of boxes that are being made here, from before their rows are there until their creation has ended. */
  readonly #making = new Set<string>();
  #closed = false;

  constructor({ connections, quotas, ...surroundings }: Options) {
    this.#around = {
      ...surroundings,
      creatorId: connections.replicaId,
      recentImages: new RecentImages(),
    };
    this.#connections = connections;
    this.#quotas = quotas;
  }

  /**
   * Makes a box and waits for at most `waitSeconds` until it is ready; its creation goes on after that.
   * @returns the box, `ready` or still `creating`
   * @throws what {@link parseSource}, {@link checkSource} and the fetch throw; {@link errors.NameTaken};
   *   {@link errors.QuotaReached}; {@link errors.TooManyCreations}; {@link errors.EngineUnavailable}. Nothing is left
   *   behind then
   */
  async create(who: Principal, request: BoxRequest, waitSeconds: number): Promise<Box> {
    const { allowPrivateSources, engine, pool } = this.#around;
    const source = parseSource(request, this.#around.env);
    const image = request.image === undefined ? null : normalizeImage(request.image);
    if (request.name !== undefined && isId(request.name)) {
      throw new errors.InvalidRequest('The name must not look like an id: choose another.');
    }
    if (request.credentials) {
      checkCredentials(request.credentials, source, { allowPrivate: allowPrivateSources });
    }
    // Before anything is looked up for them.
    await this.#quotas.takeCreation(pool, who);
    await engine.pingManager();
    const { loopback } = await checkSource(source, { allowPrivate: allowPrivateSources });

    if (this.#closed) throw new errors.Draining();
    const row = {
      owner: who.owner,
      url: source.url,
      ref: source.ref ?? null,
      directory: source.directory ?? null,
      image,
      creatorId: this.#around.creatorId,
    };
    const { box, prepared } = await this.#insert(who, row, {
      name: request.name,
      slug: source.slug,
      // Others are fetched on another network.
      usePrepared: source.kind === 'git' && !loopback,
    });
    const { id } = box;
    const creation = new Creation(box, source, this.#around, { credentials: request.credentials, prepared });
    this.#creations.set(id, creation);
    if (this.#closed) void creation.cancel(new errors.Draining());
    const done = creation.outcome.finally(() => {
      this.#creations.delete(id);
      this.#making.delete(id);
    });
    done.catch(() => {});

    const clock = new AbortController();
    const timeout = delay(waitSeconds * 1000, 'timeout', { signal: clock.signal }).catch(() => 'aborted');
    const first = await Promise.race([done, timeout]).finally(() => clock.abort());
    if (first !== 'timeout' || !creation.detach()) await done;
    return (await findBox(pool, SERVICE, box.id)) ?? box;
  }

  /** The box, `running` if the engine says so, too. @throws {@link errors.BoxNotFound} */
  async get(viewer: Principal, idOrName: string): Promise<Box> {
    const { engine } = this.#around;
    const box = await this.find(viewer, idOrName);
    return { ...box, running: box.running && (await engine.isRunning(box.id)) };
  }

  /** The box as its row tells it, which costs no call to the engine. @throws {@link errors.BoxNotFound} */
  async find(viewer: Principal, idOrName: string): Promise<Box> {
    const box = await findBox(this.#around.pool, viewer, idOrName);
    if (!box) throw new errors.BoxNotFound(idOrName);
    return box;
  }

  /**
   * A page of the boxes that somebody may see, newest first.
   * @param page `cursor`: the `nextCursor` of the page before; `url`: of one source alone, written in whichever way
   * @throws {@link errors.InvalidRequest} when the cursor is not one of ours; {@link errors.InvalidSource}
   */
  async list(
    viewer: Principal,
    { limit, cursor, url }: { limit: number; cursor?: string; url?: string },
  ): Promise<{ items: Box[]; nextCursor: string | null }> {
    const { engine, pool } = this.#around;
    const after = cursor === undefined ? undefined : decodeCursor(cursor);
    const source = url === undefined ? undefined : parseSource({ url }, this.#around.env).url;
    const rows = await listBoxes(pool, viewer, { limit: limit + 1, after, url: source });
    const { items, nextCursor } = pageOf(rows, limit);
    const running = items.some((box) => box.running) ? await engine.runningBoxes() : new Set();
    return {
      items: items.map((box) => ({ ...box, running: box.running && running.has(box.id) })),
      nextCursor,
    };
  }

  /**
   * Stops a box's container now. Its terminals end; its files stay.
   * @throws {@link errors.BoxNotFound}; {@link errors.BoxNotReady} when it was never ready
   */
  async stop(who: Principal, idOrName: string): Promise<Box> {
    const { engine, pool } = this.#around;
    return transaction(pool, async (db) => {
      const box = await lockBox(db, who, idOrName);
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
   * Removes a box: container, workspace and row. Its terminals end. Whoever creates it, starts it or connects to it at
   * this moment, on any replica, finds it gone at their next step, and takes back what they made.
   * @returns the box that was
   * @throws {@link errors.BoxNotFound}; {@link errors.EngineUnavailable}, and then either nothing has happened or the
   *   sweep ends what was begun
   */
  async delete(who: Principal, idOrName: string): Promise<Box> {
    const { engine, pool } = this.#around;
    const box = await this.find(who, idOrName);
    const { id, name } = box;
    await engine.pingManager();
    if (!(await markDeleted(pool, id))) throw new errors.BoxNotFound(idOrName);
    await this.#creations.get(id)?.cancel(deletedWhileCreated(name));
    await removeRemains(this.#around, id);
    return box;
  }

  /**
   * What is wanted of a box by now. Waits for a stop, or a deletion, that is at work.
   * @returns `running` when its container should run; `stopped for disk` when it takes more than it may
   */
  async wanted(id: string): Promise<'running' | 'stopped' | 'stopped for disk' | 'deleted'> {
    const { rows } = await this.#around.pool.query<{ running: boolean; over: boolean }>(
      'select running, disk_excess is not null as over from dockbox where id = $1 and deleted_at is null for share',
      [id],
    );
    if (!rows[0]) return 'deleted';
    if (rows[0].running) return 'running';
    return rows[0].over ? 'stopped for disk' : 'stopped';
  }

  /**
   * Counts a new connection to a terminal of a ready box, and sees to it that the box runs.
   * @throws {@link errors.BoxNotFound}, {@link errors.BoxNotReady}, {@link errors.WorkspaceMissing},
   *   {@link errors.EngineUnavailable}, {@link errors.ImageUnavailable}, {@link errors.CredentialRevoked},
   *   {@link errors.QuotaReached}
   */
  async connect(who: Principal, idOrName: string, terminal: string): Promise<Connected> {
    const { engine, log, pool, workspaces } = this.#around;
    const connection = await this.#connections.acquire(who, idOrName, terminal);
    const { id, name, image } = connection.box;
    try {
      if (!(await workspaces.exists(id))) throw new errors.WorkspaceMissing(name);
      const started = await engine.ensureRunning({ id, name, image: image ?? '' });
      if (started && !(await markStarted(pool, id))) throw new errors.BoxNotFound(idOrName);
      return { ...connection, started };
    } catch (error) {
      // Waits for a deletion that is at work: what the engine says of a box that is half gone is beside the point.
      await this.#connections.release(connection.lease);
      if (await findBox(pool, SERVICE, id)) throw error;
      // Deleted since it was counted: what was started, or begun to be, has no row any more.
      await engine
        .remove(id)
        .catch((err: unknown) => log.warn({ err, box: id }, 'what was started of a deleted box is left'));
      throw new errors.BoxNotFound(idOrName);
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
      const box = await this.find(SERVICE, id);
      if (box.status !== 'creating') return box;
      await delay(POLL_MS, undefined, { signal });
    }
  }

  /** Resolves when the creations that are at work here have ended. */
  async created(): Promise<void> {
    await Promise.allSettled([...this.#creations.values()].map(({ outcome }) => outcome));
  }

  /** Gives the creations up that are at work here, and takes no more. */
  async close(): Promise<void> {
    this.#closed = true;
    const creations = [...this.#creations.values()];
    await Promise.all(creations.map((creation) => creation.cancel(new errors.Draining())));
  }

  /**
   * Leaves boxes to the sweep that this replica was creating and lost, because the database was away when their creation
   * failed.
   */
  async disownLost(): Promise<void> {
    const { pool, creatorId } = this.#around;
    const { rows } = await pool.query<{ id: string }>(
      "select id from dockbox where status = 'creating' and creator_id = $1",
      [creatorId],
    );
    // Looked at after the rows, not before: a box is in the making before its row is there.
    const lost = rows.map(({ id }) => id).filter((id) => !this.#making.has(id));
    if (lost.length === 0) return;
    await pool.query(
      `update dockbox set creator_id = null
       where id = any ($1::uuid[]) and status = 'creating' and creator_id = $2`,
      [lost, creatorId],
    );
  }

  /** Adds the row of a new box, under the id of a fetch that was prepared, where there is one. */
  async #insert(
    who: Principal,
    row: Omit<NewBox, 'id' | 'name'>,
    { name, slug, usePrepared }: { name: string | undefined; slug: string; usePrepared: boolean },
  ): Promise<{ box: Box; prepared?: Prepared | undefined }> {
    const { fetchPool } = this.#around;
    for (;;) {
      const prepared = usePrepared ? fetchPool.take() : undefined;
      const id = prepared?.id ?? randomUUID();
      let outcome: Inserted;
      this.#making.add(id);
      try {
        outcome = await this.#insertRow(who, { ...row, id, name: name ?? generateName(slug) }, prepared);
        if (outcome === 'done') return { box: await this.find(SERVICE, id), prepared };
      } catch (error) {
        this.#making.delete(id);
        if (prepared && error instanceof errors.QuotaReached) fetchPool.giveBack(prepared);
        // Its id may be a box's by now: nobody knows what became of the transaction.
        else if (prepared) fetchPool.discard(prepared);
        throw error;
      }
      this.#making.delete(id);
      if (prepared && outcome === 'name taken') fetchPool.giveBack(prepared);
      if (outcome === 'name taken' && name !== undefined) throw new errors.NameTaken(name);
    }
  }

  #insertRow(who: Principal, row: NewBox, prepared: Prepared | undefined): Promise<Inserted> {
    const { pool, fetchPool } = this.#around;
    return this.#connections.registered(() =>
      transaction(pool, async (db) => {
        await this.#quotas.checkCreation(db, who);
        if (!(await insertBox(db, row))) return 'name taken';
        if (!prepared || (await fetchPool.claim(db, prepared))) return 'done';
        await deleteRow(db, row.id);
        return 'prepared lost';
      }),
    );
  }
}

type Inserted = 'done' | 'name taken' | 'prepared lost';

/** Rejects with the signal's reason once it is aborted. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
