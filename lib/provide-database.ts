import path from 'node:path';
import type { Config } from './config.js';
import { startEmbeddedPostgres } from './embedded-postgres.js';
import { resolveMountPoint } from './paths.js';

/**
 * Sees to it that the configuration's database is there: starts the embedded one, or joins it, when DATABASE_HOST is that.
 * @returns where it is, when the configuration does not tell; and how to end the use of it
 * @throws what {@link startEmbeddedPostgres} does
 */
export async function provideDatabase(
  config: Config,
  log: (message: string) => void,
): Promise<{ address?: { host: string; port: number }; stop: () => Promise<void> }> {
  if (config.DATABASE_HOST !== 'embedded') return { stop: async () => {} };
  const server = await startEmbeddedPostgres({
    directory: path.join(resolveMountPoint(config.MOUNT_POINT), 'postgres'),
    port: config.DATABASE_PORT,
    user: config.DATABASE_USER,
    password: config.DATABASE_PASSWORD,
    database: config.DATABASE_NAME,
    log,
  });
  return { address: { host: server.host, port: server.port }, stop: () => server.stop() };
}
