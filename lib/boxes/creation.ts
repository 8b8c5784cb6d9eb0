import type Docker from 'dockerode';
import type pg from 'pg';
import { SERVICE } from '../auth/principal.js';
import type { Engine } from '../engines/engine.js';
import { fetchContainerName } from '../engines/engine.js';
import { errors, forClient } from '../errors.js';
import { publish } from '../events.js';
import { chooseImage } from '../images/choose.js';
import { obtainImage } from '../images/obtain.js';
import { hasImage, pullImage } from '../images/pull.js';
import type { Log } from '../log.js';
import type { FetchLimits } from '../sources/container.js';
import type { Credentials } from '../sources/credentials.js';
import { type Fetched, fetchSource } from '../sources/fetch.js';
import type { Source } from '../sources/parse.js';
import type { FetchPool, Prepared } from './fetch-pool.js';
import { Progress } from './progress.js';
import type { RecentImages } from './recent-images.js';
import { removeContents } from './remains.js';
import { type Box, deleteRow, findBox, markDeleted, markFailed, markReady, markStarting } from './store.js';
import type { Workspaces } from './workspace.js';

/** What every creation needs of its surroundings. */
export type Surroundings = {
  pool: pg.Pool;
  engine: Engine;
  workspaces: Workspaces;
  /** The id of the replica that creates. */
  creatorId: string;
  baseImage: string;
  recentImages: RecentImages;
  fetchPool: FetchPool;
  allowPrivateSources: boolean;
  fetchLimits: FetchLimits;
  /** Whose boxes' files are, as a user's and a group's id. */
  user: string;
  /** Credentials and region for sources in S3, by the names that AWS's own tools read. */
  env: NodeJS.ProcessEnv;
  log: Log;
};

/**
 * The making of one box whose row is there already: its source is fetched, its image chosen and pulled, its container
 * started. A failure leaves neither container nor workspace; it goes to whoever waits for it, and the row with it, or
 * else stays on the row for whoever looks later.
 */
export class Creation {
  readonly progress = new Progress();
  /** Resolves when the box is ready; rejects with the reason when it never will be. */
  readonly outcome: Promise<void>;
  readonly #box: Box;
  readonly #source: Source;
  readonly #around: Surroundings;
  readonly #abort = new AbortController();
  #state: 'awaited' | 'detached' | 'reported' = 'awaited';

  /**
   * @param credentials for the fetch of a private source; they are in memory until it has ended
   * @param prepared a container that was started ahead for this box
   */
  constructor(
    box: Box,
    source: Source,
    around: Surroundings,
    {
      credentials,
      prepared,
    }: { credentials?: Credentials | undefined; prepared?: Prepared | undefined } = {},
  ) {
    this.#box = box;
    this.#source = source;
    this.#around = around;
    this.outcome = this.#run(credentials, prepared);
    // Whoever waits gets the error; when nobody does, the row has it.
    this.outcome.catch(() => {});
  }

  /**
   * Goes on without anybody who waits: from now on a failure stays on the row.
   * @returns false when it has just failed: then the outcome is about to tell
   */
  detach(): boolean {
    if (this.#state === 'reported') return false;
    this.#state = 'detached';
    return true;
  }

  /** Gives the creation up, for the reason that `error` tells, and waits until it has cleaned up. */
  async cancel(error: Error): Promise<void> {
    this.#abort.abort(error);
    await this.outcome.catch(() => {});
  }

  async #run(credentials: Credentials | undefined, prepared: Prepared | undefined): Promise<void> {
    const { log } = this.#around;
    const startedAt = performance.now();
    const ms = () => Math.round(performance.now() - startedAt);
    try {
      await this.#provision(credentials, prepared);
      publish('dockbox.creation', { ms: ms(), outcome: 'ready' });
      log.info({ box: this.#box.id, ms: ms() }, 'a box is ready');
    } catch (cause) {
      publish('dockbox.creation', { ms: ms(), outcome: 'failed' });
      const error = await this.#reason(cause as Error);
      log.info({ box: this.#box.id, err: error }, 'a box could not be created');
      await this.#undo(error);
      throw error;
    }
  }

  async #provision(credentials: Credentials | undefined, prepared: Prepared | undefined): Promise<void> {
    const { pool, engine, workspaces, creatorId, baseImage, recentImages } = this.#around;
    const { fetchPool, fetchLimits, user, allowPrivateSources, env } = this.#around;
    const { id, name, image: requested } = this.#box;
    const say = (line: string) => this.progress.report(`${line}\r\n`);
    const signal = this.#abort.signal;
    const pullSignal = () =>
      AbortSignal.any([signal, AbortSignal.timeout(fetchLimits.timeoutSeconds * 1000)]);

    const docker = prepared?.container.docker ?? (await engine.worker());
    if (!prepared) {
      if (!(await hasImage(docker, baseImage))) {
        say(`Pulling the image ${baseImage}`);
        await pullImage(docker, baseImage, { onProgress: say, signal: pullSignal() });
      }
      await workspaces.make(id);
    }
    say(`Fetching ${this.#source.url}`);
    const known = requested ? undefined : recentImages.of(this.#source);
    const guess = requested ?? known?.image ?? recentImages.likely();
    let ahead: Promise<void> | undefined;
    const startAhead = () => {
      if (guess !== undefined) ahead ??= this.#startAhead(guess, docker);
    };
    // Its owner has opened it before. For anybody else, how long a refusal takes would tell that it is there.
    if (known?.owner === this.#box.owner) startAhead();
    let fetched: Fetched;
    try {
      fetched = await fetchSource(this.#source, {
        docker,
        image: baseImage,
        name: fetchContainerName(id),
        labels: engine.labels(id),
        workspace: workspaces.path(id),
        prepared: prepared?.container,
        ...fetchLimits,
        owner: user,
        allowPrivate: allowPrivateSources,
        credentials,
        env,
        signal,
        onFound: startAhead,
        onProgress: say,
      });
    } finally {
      // What is taken back when the fetch fails is to be all there is.
      await ahead;
    }

    const choice = chooseImage({ requested: requested ?? undefined, ...fetched, baseImage });
    const { image, warnings } = await obtainImage(docker, choice, {
      baseImage,
      signal: pullSignal(),
      onProgress: say,
    });
    signal.throwIfAborted();

    const allWarnings = [...fetched.warnings, ...warnings];
    for (const warning of allWarnings) say(`Warning: ${warning}`);
    say(`Starting ${image}`);
    const found = { ref: fetched.ref ?? this.#box.ref, directory: fetched.directory ?? null };
    const facts = { id, creatorId, image, ...found, warnings: allWarnings };
    if (!(await markStarting(pool, facts))) throw deletedWhileCreated(name);
    // The container that was started ahead has another image than it should.
    if (guess !== undefined && guess !== image) await engine.remove(id);
    await engine.ensureRunning({ id, name, image });
    if (!(await markReady(pool, { id, creatorId }))) throw deletedWhileCreated(name);
    fetchPool.removeLater(fetched.remove);
    if (!requested) recentImages.note(this.#source, image, this.#box.owner);
  }

  /**
   * Starts the box's container while its source is asked for or fetched, with the image that it will probably have:
   * nothing runs in it before the box is ready. What goes wrong shows again when it is started in earnest.
   */
  async #startAhead(image: string, docker: Docker): Promise<void> {
    const { engine, log } = this.#around;
    const { id, name } = this.#box;
    try {
      if (await hasImage(docker, image)) await engine.ensureRunning({ id, name, image });
    } catch (err) {
      log.info({ err, box: id }, "a box's container could not be started ahead of its files");
    }
  }

  /** What really ended the creation: a box that is deleted elsewhere takes the container from under its fetch. */
  async #reason(cause: Error): Promise<Error> {
    const { pool, log } = this.#around;
    if (this.#abort.signal.aborted) return this.#abort.signal.reason;
    try {
      return (await findBox(pool, SERVICE, this.#box.id)) ? cause : deletedWhileCreated(this.#box.name);
    } catch (err) {
      log.warn({ err, box: this.#box.id }, 'could not look for a box whose creation failed');
      return cause;
    }
  }

  async #undo(error: Error): Promise<void> {
    const { pool, log } = this.#around;
    const { id } = this.#box;
    let clean = true;
    try {
      await removeContents(this.#around, id);
    } catch (err) {
      log.error({ err, box: id }, 'could not clean up after a failed creation');
      clean = false;
    }
    if (this.#state === 'detached') return markFailed(pool, id, (forClient(error) ?? UNKNOWN).message);
    this.#state = 'reported';
    if (clean) await deleteRow(pool, id);
    // Whoever waited does not know that there is anything to delete: the sweep ends it.
    else await markDeleted(pool, id);
  }
}

const UNKNOWN = new Error('Something went wrong on the server: its log says what.');

export const deletedWhileCreated = (name: string) =>
  new errors.BoxNotReady(`The dockbox "${name}" was deleted while it was being created.`);
