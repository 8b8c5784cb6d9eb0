// A database server and a mount point for one run of the tests or the benchmarks.
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/**
 * Runs `work` with a PostgreSQL server of its own, and removes it and the mount point after.
 * @param work gets the variables that a server needs to use them
 * @returns what `work` returns
 */
export async function withThrowAways(work) {
  const { startEmbeddedPostgres } = await import('../build/lib/embedded-postgres.js');
  const directory = await mkdtemp(path.join(tmpdir(), 'dockbox-test-'));
  // PostgreSQL, which does not run as root, has to be able to enter it.
  await chmod(directory, 0o755);
  const credentials = { user: 'dockbox', password: 'dockbox', database: 'dockbox' };
  let database;
  try {
    database = await startEmbeddedPostgres({
      directory: path.join(directory, 'postgres'),
      port: 0,
      ...credentials,
    });
    return await work({
      ENVIRONMENT: 'test',
      AUTH: 'none',
      PORT: '0',
      DATABASE_HOST: database.host,
      DATABASE_PORT: String(database.port),
      DATABASE_NAME: credentials.database,
      DATABASE_USER: credentials.user,
      DATABASE_PASSWORD: credentials.password,
      MOUNT_POINT: path.join(directory, 'workspaces'),
      // Each server would look whether it is filtered, which costs a container: the tests of that say so.
      BOX_EGRESS: 'open',
    });
  } finally {
    await database?.stop();
    await rm(directory, { recursive: true, force: true });
  }
}
