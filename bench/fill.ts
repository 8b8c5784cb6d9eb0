import type pg from 'pg';

/** How much there is of everything. Only `boxes` grows over the years. */
export type Amounts = { boxes: number; running: number; connections: number; replicas: number };

/**
 * Fills a deployment's database as use would: boxes made one a minute, by a hundred owners, of which every 50th failed; the running ones are
 * spread over all, and some of them have a connection.
 */
export async function fill(pool: pg.Pool, { boxes, running, connections, replicas }: Amounts): Promise<void> {
  const client = await pool.connect();
  // A million rows take their time.
  const run = (text: string, values: unknown[]) =>
    client.query({ text, values, query_timeout: 600_000 } as pg.QueryConfig);
  try {
    await run(
      `insert into dockbox (id, owner, name, url, image, status, error, running, idle_since, created_at)
       select gen_random_uuid(), 'owner-' || i % 100, 'box-' || i, 'https://example.com/o/r-' || i, 'dockbox/base',
              case when failed then 'failed' else 'ready' end, case when failed then 'It was not found.' end,
              running, case when running then now() end, now() - make_interval(mins => i)
       from generate_series(1, $1::int) as i, lateral (select i % ($1 / $2) = 0 as running) as r,
            lateral (select i % 50 = 0 and not running as failed) as f`,
      [boxes, running],
    );
    await run(
      `insert into replica (id, address) select gen_random_uuid(), 'replica-' || i from generate_series(1, $1::int) i`,
      [replicas],
    );
    await run(
      `with box as (select id, row_number() over () as n from dockbox where running limit $1),
            host as (select id, row_number() over () - 1 as n from replica),
            connected as (update dockbox set idle_since = null where id in (select id from box))
       insert into connection (id, dockbox_id, replica_id, terminal, owner)
       select gen_random_uuid(), box.id, host.id, 'main', 'local' from box join host on box.n % $2 = host.n`,
      [connections, replicas],
    );
    await run('vacuum (analyze) dockbox, connection, replica', []);
  } finally {
    client.release();
  }
}
