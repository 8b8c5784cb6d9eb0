import type pg from 'pg';
import type { Engine } from '../engine.js';
import { deleteRow } from './store.js';
import type { Workspaces } from './workspace.js';

/**
 * Removes what a deleted box names, and then its row. Any replica may do this, at the same time as another too, and
 * again when it failed halfway.
 * @throws {@link errors.EngineUnavailable}
 */
export async function removeRemains(
  { pool, engine, workspaces }: { pool: pg.Pool; engine: Engine; workspaces: Workspaces },
  id: string,
): Promise<void> {
  await engine.remove(id);
  await workspaces.remove(id, engine.labels(id));
  await deleteRow(pool, id);
}
