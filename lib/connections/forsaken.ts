import type pg from 'pg';
import type { Engine } from '../engines/engine.js';
import type { Log } from '../log.js';
import { hangUp } from '../terminals/shell.js';

/** Shells of dead replicas that are remembered; those of more go when their boxes stop. */
const MAX_REMEMBERED = 10_000;

/** What a connection has left in a box whose replica died. */
export type Left = { connection: string; boxId: string; leader: string | null };

type Options = {
  pool: pg.Pool;
  engine: Engine;
  /** Whether boxes have tools, which end shells where the image can't. */
  tools: boolean;
  /** How long a replica that was wrongly taken for dead has to come back, with its connections, in ms. */
  patienceMs: number;
  log: Log;
};

/**
 * Ends the shells, and the clients of held ones, that a killed replica has left in boxes which others keep running. Who has
 * buried it remembers them: should that one die as well, they go when their boxes are stopped.
 */
export class Forsaken {
  readonly #options: Options;
  readonly #left: (Left & { since: number })[] = [];

  constructor(options: Options) {
    this.#options = options;
  }

  remember(left: Left[]): void {
    const since = performance.now();
    const room = MAX_REMEMBERED - this.#left.length;
    this.#left.push(...left.slice(0, room).map((one) => ({ ...one, since })));
  }

  /** Ends those whose replica has not come back in time. */
  async end(): Promise<void> {
    const { pool, engine, tools, patienceMs, log } = this.#options;
    const now = performance.now();
    const due = this.#left.filter(({ since }) => now - since > patienceMs);
    this.#left.splice(0, due.length);
    if (due.length === 0) return;
    const { rows } = await pool.query<{ id: string }>(
      'select id from connection where id = any ($1::uuid[])',
      [due.map(({ connection }) => connection)],
    );
    const back = new Set(rows.map(({ id }) => id));
    for (const { connection, boxId, leader } of due) {
      const [pid = '', began = ''] = leader?.split(' ') ?? [];
      if (back.has(connection) || !pid) continue;
      try {
        const place = await engine.place(boxId);
        if (place) await hangUp(place, { pid, began }, tools);
      } catch (err) {
        log.warn({ err, box: boxId }, 'what a dead replica has left in a box could not be ended');
      }
    }
  }
}
