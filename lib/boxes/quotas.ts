import type { Principal } from '../auth/principal.js';
import type { Queryable } from '../database.js';
import { errors } from '../errors.js';
import type { Box } from './store.js';

/** How much one owner may have at the same time; 0 for as much as they like. */
export type Limits = { boxes: number; running: number; terminals: number; createsPerMinute: number };

/** The first half of the advisory locks that keep an owner's new boxes and terminals apart; any number. */
const OWNER_LOCK = 7_303_015;

/**
 * What one owner may have. It is counted in the database while nobody else adds to it, so that neither replicas nor
 * requests at the same moment get past it. Admins have no limits.
 */
export class Quotas {
  readonly #limits: Limits;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /**
   * Counts a creation that is about to begin, whether or not it comes to anything: owners have a bucket of
   * OWNER_CREATES_PER_MINUTE, which fills again within a minute.
   * @throws {@link errors.TooManyCreations}
   */
  async takeCreation(db: Queryable, { owner, scope }: Principal): Promise<void> {
    const limit = this.#limits.createsPerMinute;
    if (!limit || scope === 'admin') return;
    const interval = 60 / limit;
    const { rowCount } = await db.query(
      `insert into creation_rate as rate (owner, empty_at) values ($1, clock_timestamp() + make_interval(secs => $2))
       on conflict (owner) do update
       set empty_at = greatest(rate.empty_at, clock_timestamp()) + make_interval(secs => $2)
       where rate.empty_at + make_interval(secs => $2) <= clock_timestamp() + interval '1 minute'`,
      [owner, interval],
    );
    if (rowCount === 1) return;
    const { rows } = await db.query<{ seconds: number }>(
      `select extract(epoch from empty_at + make_interval(secs => $2) - interval '1 minute' - clock_timestamp())::float
         as seconds
       from creation_rate where owner = $1`,
      [owner, interval],
    );
    const retryAfterSeconds = Math.max(1, Math.ceil(rows[0]?.seconds ?? 0));
    throw Object.assign(new errors.TooManyCreations(retryAfterSeconds), { retryAfterSeconds });
  }

  /**
   * Asserts that somebody may have another box, which nobody can take from them before the transaction ends.
   * @throws {@link errors.QuotaReached}
   */
  async checkCreation(db: Queryable, { owner, scope }: Principal): Promise<void> {
    const { boxes, running } = this.#limits;
    if (scope === 'admin' || (!boxes && !running)) return;
    await lock(db, owner);
    if (boxes && (await count(db, BOXES, owner)) >= boxes) {
      throw new errors.QuotaReached(`You have ${boxes} dockboxes, as many as you may: delete one first.`);
    }
    await this.#checkRunning(db, owner);
  }

  /**
   * Asserts that somebody may have another terminal, and start its box where that does not run.
   * @param locked whether nobody can take it from them before the transaction ends
   * @throws {@link errors.QuotaReached}
   */
  async checkConnection(db: Queryable, { owner, scope }: Principal, box: Box, locked = true): Promise<void> {
    const { terminals, running } = this.#limits;
    if (scope === 'admin' || (!terminals && !running)) return;
    if (locked) await lock(db, owner, box.owner);
    if (terminals && (await count(db, TERMINALS, owner)) >= terminals) {
      throw new errors.QuotaReached(
        `You have ${terminals} terminals open, as many as you may: close one first.`,
      );
    }
    if (!box.running) await this.#checkRunning(db, box.owner);
  }

  async #checkRunning(db: Queryable, owner: string): Promise<void> {
    const { running } = this.#limits;
    if (running && (await count(db, RUNNING, owner)) >= running) {
      throw new errors.QuotaReached(`${running} of your dockboxes run, as many as may: stop one first.`);
    }
  }
}

const BOXES = 'select count(*)::int from dockbox where owner = $1 and deleted_at is null';
const RUNNING = `${BOXES} and (running or status = 'creating')`;
const TERMINALS = 'select count(*)::int from connection where owner = $1';

async function count(db: Queryable, sql: string, owner: string): Promise<number> {
  const { rows } = await db.query<{ count: number }>(sql, [owner]);
  return rows[0]?.count ?? 0;
}

/** In one order for all, so that no two wait for each other. */
async function lock(db: Queryable, ...owners: string[]): Promise<void> {
  for (const owner of [...new Set(owners)].sort()) {
    await db.query('select pg_advisory_xact_lock($1, hashtext($2))', [OWNER_LOCK, owner]);
  }
}
