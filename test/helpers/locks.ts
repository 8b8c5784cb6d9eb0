import pg from 'pg';
import type { Test } from 'tap';
import type { Deployment } from './deployment.js';

/** A transaction of the test's own, in which it holds what it wants others to wait for. */
export type Hold = {
  query: pg.Client['query'];
  /** Lets those who wait go on. */
  release(): Promise<void>;
};

/** Locks a box's row, as its deletion and its stop do. */
export async function holdBox(t: Test, deployment: Deployment, id: string): Promise<Hold> {
  const hold = await beginHold(t, deployment);
  await hold.query('select from dockbox where id = $1 for update', [id]);
  return hold;
}

/** Opens the transaction; a test that fails ends it, too. */
export async function beginHold(t: Test, deployment: Deployment): Promise<Hold> {
  const client = new pg.Client(deployment.pool.options);
  client.on('error', () => {});
  await client.connect();
  t.teardown(() => client.end());
  await client.query('begin');
  return {
    query: client.query.bind(client),
    release: async () => {
      await client.query('commit');
    },
  };
}

/** Waits until so many of the deployment's transactions wait for a lock. */
export async function untilWaiting({ pool }: Deployment, count: number): Promise<void> {
  for (;;) {
    const { rows } = await pool.query<{ waiting: number }>(
      `select count(*)::int as waiting from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock'`,
    );
    if (rows[0]?.waiting === count) return;
  }
}
