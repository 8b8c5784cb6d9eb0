import type pg from 'pg';
import type { Engine } from '../engines/engine.js';
import type { Log } from '../log.js';
import { isId } from './store.js';
import type { Workspaces } from './workspace.js';

/**
 * A workspace without a row is kept for so long, in ms: whoever restores an older copy of the database has time to see
 * what it lacks.
 */
const KEEP_MS = 24 * 3_600_000;

/** Workspaces that are looked for in the database at once. */
const BATCH = 1000;

type Options = { pool: pg.Pool; engine: Engine; workspaces: Workspaces; log: Log };

/**
 * Compares the engine's containers with the rows. Those of fetches that have ended are removed, and those of boxes that
 * could not be made. Those that run though their rows say that they don't, as when a replica died between the two, are idle
 * from then on, and are stopped like any other. Those of this deployment that no row names are removed; what another
 * deployment on the same engine has is never touched.
 */
export async function reconcileContainers(options: Options): Promise<void> {
  const containers = (await options.engine.containers()).filter(({ boxId }) => isId(boxId));
  const idsOf = (some: typeof containers) => [...new Set(some.map(({ boxId }) => boxId))];
  await adoptRunning(options, idsOf(containers.filter(({ running, fetches }) => running && !fetches)));
  await removeEndedFetches(options, idsOf(containers.filter(({ fetches }) => fetches)));
  await removeFailed(options, idsOf(containers));
  // Rows are read after containers: a row is always there before its container.
  await removeStrayContainers(options, idsOf(containers));
}

async function removeStrayContainers({ pool, engine, log }: Options, ids: string[]): Promise<void> {
  for (const id of await withoutRow(pool, ids)) {
    log.warn({ box: id }, 'removing a container without a row');
    await engine.remove(id);
  }
}

/** Whoever fetches leaves the removal for later, and may die before. */
async function removeEndedFetches({ pool, engine, log }: Options, ids: string[]): Promise<void> {
  for (const id of await thoseThatAre('ready', pool, ids)) {
    log.info({ box: id }, 'removing the container of a fetch that has ended');
    await engine.removeFetch(id);
  }
}

/** Who could not make a box removes them, unless the engine is away just then. */
async function removeFailed({ pool, engine, log }: Options, ids: string[]): Promise<void> {
  for (const id of await thoseThatAre('failed', pool, ids)) {
    log.info({ box: id }, 'removing the containers of a box that could not be made');
    await engine.remove(id);
  }
}

async function thoseThatAre(status: 'ready' | 'failed', pool: pg.Pool, ids: string[]): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    'select id from dockbox where id = any ($1::uuid[]) and status = $2 and deleted_at is null',
    [ids, status],
  );
  return rows.map(({ id }) => id);
}

async function adoptRunning({ pool, log }: Options, running: string[]): Promise<void> {
  const { rows } = await pool.query<{ id: string }>(
    `update dockbox set running = true
     where id = any ($1::uuid[]) and not running and status = 'ready' and deleted_at is null
     returning id`,
    [running],
  );
  for (const { id } of rows) log.warn({ box: id }, 'a container ran that was to be stopped');
}

/**
 * Removes workspaces that no row names and that nobody has changed for a day, below a mount point that is this
 * deployment's alone.
 */
export async function removeStrayWorkspaces({ pool, engine, workspaces, log }: Options): Promise<void> {
  if (!(await workspaces.claim(engine.deployment))) {
    log.warn({}, "the mount point is another deployment's, too: workspaces without a row are left alone");
    return;
  }
  const check = async (batch: string[]) => {
    for (const id of await withoutRow(pool, batch)) {
      const changedAt = await workspaces.changedAt(id);
      if (changedAt === undefined) continue;
      const old = Date.now() - changedAt > KEEP_MS;
      log.warn({ box: id, changedAt }, `${old ? 'removing' : 'there is'} a workspace without a row`);
      if (old) await workspaces.remove(id, engine.labels(id));
    }
  };
  let batch: string[] = [];
  for await (const id of workspaces.ids()) {
    batch.push(id);
    if (batch.length < BATCH) continue;
    await check(batch);
    batch = [];
  }
  await check(batch);
}

async function withoutRow(pool: pg.Pool, ids: string[]): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `select id::text from unnest($1::uuid[]) as stray (id)
     where not exists (select from dockbox where dockbox.id = stray.id)
       and not exists (select from prepared_fetch where prepared_fetch.id = stray.id)`,
    [ids],
  );
  return rows.map(({ id }) => id);
}
