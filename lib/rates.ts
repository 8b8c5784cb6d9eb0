import type { Queryable } from './database.js';

/**
 * Counts one more of a client in its window, which begins with its first and lasts `windowMs`. Counted in the database, so
 * that a client of many replicas is one client.
 * @returns how many there were in the window, and for how much longer it lasts, in ms
 */
export async function countRate(
  db: Queryable,
  client: string,
  windowMs: number,
): Promise<{ count: number; leftMs: number }> {
  const { rows } = await db.query<{ count: number; leftMs: number }>(
    `insert into rate as r (client, began_at, count) values ($1, now(), 1)
     on conflict (client) do update set
       count = case when r.began_at > now() - make_interval(secs => $2) then r.count + 1 else 1 end,
       began_at = case when r.began_at > now() - make_interval(secs => $2) then r.began_at else now() end
     returning count, (1000 * ($2 - extract(epoch from now() - began_at)))::int as "leftMs"`,
    [client, windowMs / 1000],
  );
  return rows[0] as { count: number; leftMs: number };
}

/** Forgets clients whose window of `windowMs` is over. */
export async function forgetRates(db: Queryable, windowMs: number): Promise<void> {
  await db.query('delete from rate where began_at < now() - make_interval(secs => $1)', [windowMs / 1000]);
}
