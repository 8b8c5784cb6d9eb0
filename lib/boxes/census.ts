import type { Queryable } from '../database.js';

/** How many boxes there are, by what is going on with them. */
export type Census = {
  /** Wanted to run, those too that wait to be stopped. */
  running: number;
  /** Running with nobody connected: in the deletion queue. */
  idle: number;
  creating: number;
  deleting: number;
  /** All of them, as the database's statistics estimate it: counting a million rows for a figure takes too long. */
  all: number;
};

/** Counts boxes, by indexes that hold none but those that are counted. */
export async function countBoxes(db: Queryable): Promise<Census> {
  const { rows } = await db.query<Census>(
    `select
       (select count(*)::int from dockbox where running and deleted_at is null) as running,
       (select count(*)::int from dockbox
        where running and deleted_at is null and idle_since is not null) as idle,
       (select count(*)::int from dockbox where status = 'creating' and deleted_at is null) as creating,
       (select count(*)::int from dockbox where deleted_at is not null) as deleting,
       (select greatest(reltuples, 0)::bigint::int from pg_class where oid = 'dockbox'::regclass) as "all"`,
  );
  return rows[0] as Census;
}
