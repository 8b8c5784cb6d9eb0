// How the database's work grows with the number of boxes, on a throw-away database.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepareBuild } from './prepare.mjs';

prepareBuild();
const { startEmbeddedPostgres } = await import('../build/lib/embedded-postgres.js');
const { scale } = await import('../build/bench/scale.js');
const directory = await mkdtemp(path.join(tmpdir(), 'dockbox-scale-'));
const credentials = { user: 'dockbox', password: 'dockbox', database: 'dockbox' };
const sizes = process.argv.slice(2).map(Number);
let database;
process.once('SIGINT', () => {});
try {
  database = await startEmbeddedPostgres({
    directory: path.join(directory, 'postgres'),
    port: 0,
    ...credentials,
  });
  Object.assign(process.env, {
    DATABASE_HOST: database.host,
    DATABASE_PORT: String(database.port),
    DATABASE_NAME: credentials.database,
    DATABASE_USER: credentials.user,
    DATABASE_PASSWORD: credentials.password,
    MOUNT_POINT: path.join(directory, 'workspaces'),
  });
  await scale(sizes.length > 0 ? sizes : undefined);
} finally {
  await database?.stop();
  await rm(directory, { recursive: true, force: true });
}
