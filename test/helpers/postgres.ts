import { chmod, chown, copyFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Test } from 'tap';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../lib/embedded-postgres.js';

type Options = {
  /** The server's certificate and key: then it takes TLS connections alone, as a managed database does. */
  tls?: { cert: string; key: string };
};

/** Starts a PostgreSQL server of the test's own; its end stops and removes it. @returns how to configure a service for it */
export async function startPostgres(t: Test, { tls }: Options = {}): Promise<NodeJS.ProcessEnv> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'dockbox-postgres-'));
  // PostgreSQL runs as another user when this is root.
  await chmod(directory, 0o711);
  let server: EmbeddedPostgres | undefined;
  t.teardown(async () => {
    await server?.stop();
    await rm(directory, { recursive: true, force: true });
  });
  const database = { user: 'dockbox', password: 'dockbox', database: 'dockbox' };
  const start = () =>
    startEmbeddedPostgres({ directory: path.join(directory, 'postgres'), port: 0, ...database });
  server = await start();
  if (tls) {
    await server.stop();
    await requireTls(path.join(directory, 'postgres', 'cluster', 'data'), tls);
    server = await start();
  }
  return {
    DATABASE_HOST: server.host,
    DATABASE_PORT: String(server.port),
    DATABASE_NAME: database.database,
    DATABASE_USER: database.user,
    DATABASE_PASSWORD: database.password,
  };
}

/** From the next start on, the server has a certificate, and only its owner, who starts and stops it, needs none. */
async function requireTls(data: string, { cert, key }: { cert: string; key: string }): Promise<void> {
  const { uid, gid } = await stat(data);
  for (const [from, name] of [
    [cert, 'server.crt'],
    [key, 'server.key'],
  ] as const) {
    const file = path.join(data, name);
    await copyFile(from, file);
    await chown(file, uid, gid);
    await chmod(file, 0o600);
  }
  const settings = path.join(data, 'postgresql.conf');
  await writeFile(settings, `${await readFile(settings, 'utf8')}\nssl = on\n`);
  await writeFile(
    path.join(data, 'pg_hba.conf'),
    'host all embedded_admin 127.0.0.1/32 scram-sha-256\nhostssl all all 127.0.0.1/32 scram-sha-256\n',
  );
}
