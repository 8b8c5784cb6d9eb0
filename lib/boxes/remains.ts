import type pg from 'pg';
import type { Engine } from '../engines/engine.js';
import { deleteRow } from './store.js';
import type { Workspaces } from './workspace.js';

type Surroundings = { pool: pg.Pool; engine: Engine; workspaces: Workspaces };

/**
 * Removes a box's container and files; its row stays.
 * @throws {@link errors.EngineUnavailable}
 */
export async function removeContents(
  { engine, workspaces }: Omit<Surroundings, 'pool'>,
  id: string,
): Promise<void> {
  await engine.remove(id);
  await workspaces.remove(id, engine.labels(id));
}

/**
 * Removes what was prepared for the fetch of a box to come, and then its row.
 * @throws {@link errors.EngineUnavailable}
 */
export async function removePrepared(around: Surroundings, id: string): Promise<void> {
  await removeContents(around, id);
  await around.pool.query('delete from prepared_fetch where id = $1', [id]);
}

/**
 * Removes what a deleted box names, and then its row. Any replica may do this, at the same time as another too, and
 * again when it failed halfway.
 * @throws {@link errors.EngineUnavailable}
 */
export async function removeRemains(around: Surroundings, id: string): Promise<void> {
  await removeContents(around, id);
  await deleteRow(around.pool, id);
}
