import t from 'tap';
import { fill } from '../../bench/fill.js';
import { operations } from '../../bench/operations.js';
import { makeReplicas } from '../helpers/replicas.js';

const RUNNING = 50;

/** Entries and rows that an operation may look at: what runs, a few times over, and a page. */
const ENOUGH = 4 * RUNNING + 100;

// PostgreSQL counts what it reads, also where it checks foreign keys, which no plan shows.
t.test('however many boxes there were, an operation reads', async (t) => {
  // All on one database connection, whose counts are up to date when it is asked for them.
  const replicas = await makeReplicas(t, {}, { max: 1 });
  const { pool } = replicas;
  await fill(pool, { boxes: 20_000, running: RUNNING, connections: 20, replicas: 4 });
  /** What was read of boxes so far: whole-table scans, and entries of indexes and rows. */
  const reads = async () => {
    await pool.query('select pg_stat_force_next_flush()');
    const { rows } = await pool.query<{ scans: number; read: number }>(
      `select seq_scan::int as scans,
              (seq_tup_read + (select sum(idx_tup_read) from pg_stat_user_indexes where relname = 'dockbox'))::int as read
       from pg_stat_user_tables where relname = 'dockbox'`,
    );
    return rows[0] as { scans: number; read: number };
  };

  for (const { name, prepare, run } of await operations(replicas)) {
    await t.test(`no more than it has to: ${name}`, async (t) => {
      await prepare?.();
      const before = await reads();
      await run();
      const after = await reads();
      t.equal(after.scans - before.scans, 0, 'never the whole table');
      t.ok(after.read - before.read <= ENOUGH, `few entries of its indexes: ${after.read - before.read}`);
    });
  }
});
