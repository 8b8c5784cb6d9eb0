import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync } from 'node:fs';
import {
  chown,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { PostgresHome } from './postgres-home.js';

/** The role that owns the cluster. Its password is random and stays in the cluster's directory. */
export const ADMIN = 'embedded_admin';

/** One PostgreSQL data directory on disk, and how to run a server on it. */
export interface Cluster {
  home: PostgresHome;
  data: string;
  log: string;
  adminPassword: string;
}

/** The server process that has a cluster open. */
export interface Postmaster {
  pid: number;
  /** Undefined while it starts. */
  port?: number;
}

/**
 * Opens the cluster below `home`, making it first if there is none. Safe to call from many processes at once.
 * @throws when the files are another PostgreSQL version's, or `initdb` fails
 */
export async function ensureCluster(home: PostgresHome): Promise<Cluster> {
  const directory = path.join(home.directory, 'cluster');
  const data = path.join(directory, 'data');
  const version = await readIfPresent(path.join(data, 'PG_VERSION'));
  if (version === undefined) await createCluster(home, directory);
  else if (version.trim() !== home.majorVersion) {
    throw new Error(
      `The database in ${data} was made by PostgreSQL ${version.trim()}, and this is ${home.majorVersion}: ` +
        'dump it with the old version and load it into the new one, or move the directory away to begin afresh.',
    );
  }
  return {
    home,
    data,
    log: path.join(home.directory, 'postgres.log'),
    adminPassword: await readFile(path.join(directory, 'admin-password'), 'utf8'),
  };
}

/**
 * Made beside its place and renamed into it: a cluster is there as a whole or not at all, whatever interrupts this, and
 * of two processes that make one at the same time the second finds the name taken and drops its own.
 */
async function createCluster({ directory: parent, binaries, account }: PostgresHome, place: string) {
  await removeAbandoned(parent);
  const fresh = await mkdtemp(path.join(parent, `new-${process.pid}-`));
  try {
    const passwordFile = path.join(fresh, 'admin-password');
    await writeFile(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 });
    if (account) {
      await chown(fresh, account.uid, account.gid);
      await chown(passwordFile, account.uid, account.gid);
    }
    const options = [
      ...['--pgdata', path.join(fresh, 'data'), '--username', ADMIN, '--pwfile', passwordFile],
      ...['--auth', 'scram-sha-256', '--encoding', 'UTF8', '--no-instructions'],
      // PostgreSQL's own locale rather than the system's, whose upgrades reorder text under existing indexes.
      ...['--locale', 'C', '--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8'],
    ];
    await promisify(execFile)(path.join(binaries, 'initdb'), options, {
      ...account,
      cwd: '/',
      env: environment(),
    });
    await rename(fresh, place);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    const { code, stderr, message } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return;
    throw new Error(`PostgreSQL could not make a database in ${place}: ${stderr?.trim() || message}`);
  }
}

/** Removes what a process that was killed inside `createCluster` left. */
async function removeAbandoned(parent: string) {
  for (const name of await readdir(parent)) {
    const pid = /^new-(\d+)-/.exec(name)?.[1];
    if (pid && !isAlive(Number(pid))) await rm(path.join(parent, name), { recursive: true, force: true });
  }
}

/**
 * The server that has the cluster open, from the `postmaster.pid` that it keeps: process id in the first line, port in
 * the fourth. A file whose process id has since gone to some other program is removed: PostgreSQL itself would refuse to
 * start on it when that program runs as the same user.
 */
export async function findPostmaster({ data }: Cluster): Promise<Postmaster | undefined> {
  const file = path.join(data, 'postmaster.pid');
  const content = await readIfPresent(file);
  if (content === undefined) return undefined;
  const lines = content.split('\n');
  const pid = Number(lines[0]);
  if (!isAlive(pid)) return undefined;
  if (await isPostmaster(pid, data)) return { pid, port: Number(lines[3]) || undefined };

  // Taken aside before it is dropped: if a server wrote a new one just now, that one is put back.
  const aside = `${file}.${process.pid}`;
  await rename(file, aside).catch(ignoreMissing);
  if ((await readIfPresent(aside)) === content) await rm(aside);
  else await rename(aside, file).catch(ignoreMissing);
  return undefined;
}

/**
 * In doubt the answer is yes: two servers on one directory would destroy it. A server's working directory is its data
 * directory, which tells it from other PostgreSQL servers even after the directory was moved.
 */
async function isPostmaster(pid: number, data: string): Promise<boolean> {
  if (process.platform !== 'linux') {
    const { stdout } = await promisify(execFile)('ps', ['-ww', '-o', 'args=', '-p', String(pid)]);
    return stdout.includes('postgres');
  }
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(ignoreMissing);
  if (!command?.includes('postgres')) return false;
  const directory = await readlink(`/proc/${pid}/cwd`).catch(ignoreMissing);
  return directory === undefined || directory === (await realpath(data));
}

/**
 * Starts a server on the cluster, listening on `host` alone. It is the leader of its own session: a terminal's Ctrl-C
 * goes to this process, which then stops the server in its own time.
 */
export function launch({ home, data, log }: Cluster, host: string, port: number) {
  const output = openSync(log, 'a');
  const settings = [
    `listen_addresses=${host}`,
    'unix_socket_directories=',
    'max_connections=200',
    // The log file has no end: what starts, stops and dies is in it, but not each statement that fails.
    'log_min_messages=log',
    'log_checkpoints=off',
  ];
  const server = spawn(
    path.join(home.binaries, 'postgres'),
    ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
    { ...home.account, cwd: '/', env: environment(), detached: true, stdio: ['ignore', output, output] },
  );
  closeSync(output);
  server.unref();
  const begin = readFileSync(log).length;
  return { server, output: () => readFileSync(log).subarray(begin).toString().trim() };
}

/** PG* variables of the user's shell must not reach the server. Without LC_ALL it refuses to start on macOS. */
const environment = () => ({ PATH: process.env.PATH, LC_ALL: 'C' });

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

const readIfPresent = (file: string) => readFile(file, 'utf8').catch(ignoreMissing);

/** For files that may not be there, and those of processes that end meanwhile or are not ours to look at. */
function ignoreMissing(error: NodeJS.ErrnoException) {
  if (!['ENOENT', 'ESRCH', 'EACCES'].includes(error.code ?? '')) throw error;
  return undefined;
}
