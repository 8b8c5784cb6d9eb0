import type { Principal } from '../auth/principal.js';
import type { Queryable } from '../database.js';
import { NAME_PATTERN } from './name.js';

/** A dockbox, as its row tells it. `running` is what was last wanted: the engine knows what is. */
export type Box = {
  id: string;
  owner: string;
  name: string;
  url: string;
  ref: string | null;
  directory: string | null;
  image: string | null;
  status: 'creating' | 'ready' | 'failed';
  running: boolean;
  connections: number;
  /** Since when nobody has been connected to it while it runs. */
  idleSince: Date | null;
  error: string | null;
  warnings: string[];
  /** Whether it takes more disk than it may. */
  overDisk: boolean;
  createdAt: Date;
  lastModified: Date;
};

export type NewBox = Pick<Box, 'id' | 'owner' | 'name' | 'url' | 'ref' | 'directory' | 'image'> & {
  creatorId: string;
};

const SELECT = `
  select id, owner, name, url, ref, directory, image, status, running, error, warnings,
         disk_excess is not null as "overDisk",
         created_at as "createdAt", last_modified as "lastModified", idle_since as "idleSince",
         (select count(*)::int from connection where dockbox_id = dockbox.id) as connections
  from dockbox`;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether a text is a box's id rather than its name. */
export const isId = (text: string) => UUID.test(text);

/**
 * Whose boxes somebody sees, as the parameters of {@link SEEN}. A pass is for the box that its maker saw, who may be an
 * admin: whose box that is, was settled then.
 */
function sightOf({ owner, scope, pass }: Principal): [owner: string | null, boxId: string | null] {
  return pass ? [null, pass.boxId] : [scope === 'admin' ? null : owner, null];
}

/** Every look-up for somebody has this, with their sight as the first two parameters. */
const SEEN = 'deleted_at is null and ($1::text is null or owner = $1) and ($2::uuid is null or id = $2)';

const NAME = new RegExp(NAME_PATTERN);

/** What a box can be found by; undefined for a text that no box can have, as one that PostgreSQL would refuse. */
function columnOf(idOrName: string): 'id' | 'name' | undefined {
  if (isId(idOrName)) return 'id';
  return NAME.test(idOrName) ? 'name' : undefined;
}

/**
 * Adds the row of a new box, with status `creating`.
 * @returns false, and adds nothing, when the name is taken
 */
export async function insertBox(db: Queryable, box: NewBox): Promise<boolean> {
  const { rowCount } = await db.query(
    `insert into dockbox (id, owner, name, url, ref, directory, image, status, creator_id)
     values ($1, $2, $3, $4, $5, $6, $7, 'creating', $8) on conflict (name) do nothing`,
    [box.id, box.owner, box.name, box.url, box.ref, box.directory, box.image, box.creatorId],
  );
  return rowCount === 1;
}

/** The box with this id or name, if the viewer may see it, and unless it was deleted. */
export async function findBox(db: Queryable, viewer: Principal, idOrName: string): Promise<Box | undefined> {
  const column = columnOf(idOrName);
  if (!column) return undefined;
  const { rows } = await db.query<Box>(`${SELECT} where ${SEEN} and ${column} = $3`, [
    ...sightOf(viewer),
    idOrName,
  ]);
  return rows[0];
}

/** The same, its row locked until the transaction ends, so that no other replica changes the box meanwhile. */
export async function lockBox(db: Queryable, viewer: Principal, idOrName: string): Promise<Box | undefined> {
  const column = columnOf(idOrName);
  if (!column) return undefined;
  const { rows } = await db.query<{ id: string }>(
    `select id from dockbox where ${SEEN} and ${column} = $3 for update`,
    [...sightOf(viewer), idOrName],
  );
  // By the id that was locked: the name may have gone to another box while this one's deletion was waited for.
  return rows[0] && findBox(db, viewer, rows[0].id);
}

/**
 * A page of the boxes that the viewer may see, newest first, after the box at which the page before it ended; of one
 * source when there is a `url`.
 */
export async function listBoxes(
  db: Queryable,
  viewer: Principal,
  {
    limit,
    after,
    url,
  }: { limit: number; after?: { createdAt: string; id: string } | undefined; url?: string | undefined },
): Promise<(Box & { cursorTime: string })[]> {
  // The cursor's time is text: a JavaScript Date would cut it to milliseconds, and skip or repeat boxes.
  const { rows } = await db.query<Box & { cursorTime: string }>(
    `${SELECT.replace('last_modified as', 'created_at::text as "cursorTime", last_modified as')}
     where ${SEEN} and ($4::text is null or url = $4)
       ${after ? 'and (created_at, id) < ($5::timestamptz, $6::uuid)' : ''}
     order by created_at desc, id desc limit $3`,
    [...sightOf(viewer), limit, url ?? null, ...(after ? [after.createdAt, after.id] : [])],
  );
  return rows;
}

/**
 * Marks a box as about to run, and idle from now on, while it is still being created by this replica.
 * @returns false when it was deleted, or given up for dead, meanwhile
 */
export async function markStarting(
  db: Queryable,
  {
    id,
    creatorId,
    image,
    ref,
    directory,
    warnings,
  }: Pick<NewBox, 'id' | 'creatorId' | 'image' | 'ref' | 'directory'> & { warnings: string[] },
): Promise<boolean> {
  const { rowCount } = await db.query(
    `update dockbox
     set image = $3, ref = $4, directory = $5, warnings = $6, running = true, idle_since = now(), last_modified = now()
     where id = $1 and creator_id = $2 and status = 'creating' and deleted_at is null`,
    [id, creatorId, image, ref, directory, warnings],
  );
  return rowCount === 1;
}

/** Ends the creation. @returns false when it was deleted, or given up for dead, meanwhile */
export async function markReady(
  db: Queryable,
  { id, creatorId }: Pick<NewBox, 'id' | 'creatorId'>,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `update dockbox set status = 'ready', creator_id = null, idle_since = now(), last_modified = now()
     where id = $1 and creator_id = $2 and status = 'creating' and deleted_at is null`,
    [id, creatorId],
  );
  return rowCount === 1;
}

/** Records why a box could not be created. */
export async function markFailed(db: Queryable, id: string, error: string): Promise<void> {
  await db.query(
    `update dockbox
     set status = 'failed', creator_id = null, error = $2, running = false, idle_since = null, last_modified = now()
     where id = $1 and status = 'creating'`,
    [id, error],
  );
}

/**
 * Records that a box was started. Waits for a stop or a deletion that is at work: whichever of it and the start came
 * last at the engine, a box that runs is never taken for stopped, where nobody would stop it.
 * @returns false when it was deleted
 */
export async function markStarted(db: Queryable, id: string): Promise<boolean> {
  const { rowCount } = await db.query(
    'update dockbox set running = true where id = $1 and deleted_at is null',
    [id],
  );
  return rowCount === 1;
}

/** Records that a box was stopped. */
export async function markStopped(db: Queryable, id: string): Promise<void> {
  await db.query('update dockbox set running = false, idle_since = null where id = $1', [id]);
}

/**
 * Deletes a box for its users: from now on nobody finds it, and its name is free.
 * @returns false when it is so already
 */
export async function markDeleted(db: Queryable, id: string): Promise<boolean> {
  const { rowCount } = await db.query(
    'update dockbox set deleted_at = now(), name = null where id = $1 and deleted_at is null',
    [id],
  );
  return rowCount === 1;
}

/** Removes a box's row, once nothing is left that it names. */
export async function deleteRow(db: Queryable, id: string): Promise<void> {
  await db.query('delete from dockbox where id = $1', [id]);
}
