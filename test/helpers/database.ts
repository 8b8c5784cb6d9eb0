import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startEmbeddedPostgres } from '../../lib/embedded-postgres.js';
import type { Scope } from './scope.js';

const CREDENTIALS = { user: 'dockbox', password: 'dockbox', database: 'dockbox' };

/** A PostgreSQL server of the test's own, which can be taken away and comes back on the same port. */
export class Database {
  readonly #directory: string;
  #server: Awaited<ReturnType<typeof startEmbeddedPostgres>> | undefined;
  #port = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** What a server process is configured with to use it. */
  get variables(): NodeJS.ProcessEnv {
    return {
      DATABASE_HOST: '127.0.0.1',
      DATABASE_PORT: String(this.#port),
      DATABASE_USER: CREDENTIALS.user,
      DATABASE_PASSWORD: CREDENTIALS.password,
      DATABASE_NAME: CREDENTIALS.database,
    };
  }

  async start(): Promise<void> {
    this.#server = await startEmbeddedPostgres({
      ...CREDENTIALS,
      directory: this.#directory,
      port: this.#port,
    });
    this.#port = this.#server.port;
  }

  /** Ends it. SIGINT is PostgreSQL's "fast" shutdown, SIGQUIT its "immediate" one, as good as a crash. */
  async end(signal: 'SIGINT' | 'SIGQUIT'): Promise<void> {
    const [pid] = (await readFile(await this.#pidFile(), 'utf8')).split('\n');
    process.kill(Number(pid), signal);
    while (await this.#listens());
    await this.#server?.stop();
  }

  async remove(): Promise<void> {
    await this.#server?.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** PostgreSQL's own note of its process; its place in the directory is PostgreSQL's own business. */
  async #pidFile(): Promise<string> {
    const names = await readdir(this.#directory, { recursive: true });
    const name = names.find((candidate) => candidate.endsWith('postmaster.pid'));
    if (!name) throw new Error(`There is no PostgreSQL in ${this.#directory}.`);
    return path.join(this.#directory, name);
  }

  async #listens(): Promise<boolean> {
    const socket = net.connect({ host: '127.0.0.1', port: this.#port });
    try {
      await once(socket, 'connect');
      return true;
    } catch {
      return false;
    } finally {
      socket.destroy();
    }
  }
}

/** Starts a PostgreSQL server; it is gone when the test ends. */
export async function startDatabase(t: Scope): Promise<Database> {
  const directory = await mkdtemp(path.join(tmpdir(), 'dockbox-database-'));
  // PostgreSQL, which does not run as root, has to be able to enter it.
  await chmod(directory, 0o755);
  const database = new Database(directory);
  t.teardown(() => database.remove());
  await database.start();
  return database;
}
