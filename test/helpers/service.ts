import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { Test } from 'tap';
import { projectRoot } from '../../lib/paths.js';
import { type Program, runProgram } from './process.js';

/** A directory for workspaces and an embedded PostgreSQL; the end of the test ends that server and removes it. */
export class Home {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  get postmasterFile(): string {
    return path.join(this.directory, 'postgres', 'cluster', 'data', 'postmaster.pid');
  }

  /** The process id of the PostgreSQL server that works on this directory; undefined when none does. */
  async postmaster(): Promise<number | undefined> {
    const pid = Number.parseInt(await readFile(this.postmasterFile, 'utf8').catch(() => ''), 10);
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return command.includes(this.directory) ? pid : undefined;
  }

  /** Ends the PostgreSQL server at once, as the kernel does when memory is short. */
  async killPostmaster(): Promise<void> {
    const pid = await this.postmaster();
    if (pid === undefined) return;
    process.kill(pid, 'SIGKILL');
    while ((await this.postmaster()) !== undefined);
  }
}

export async function makeHome(t: Test): Promise<Home> {
  const home = new Home(await mkdtemp(path.join(os.tmpdir(), 'dockbox-home-')));
  // PostgreSQL runs as another user when this is root.
  await chmod(home.directory, 0o711);
  t.teardown(async () => {
    await home.killPostmaster();
    await rm(home.directory, { recursive: true, force: true, maxRetries: 5 });
  });
  return home;
}

/** What `npm start` runs once it has compiled. It must not compile while tests run on what it made before. */
export const SERVICE = [process.execPath, path.join(projectRoot, 'build', 'setup', 'main.js')];

/** Starts the service with an embedded PostgreSQL in `home`. It is not up yet. */
export function launchService(t: Test, home: Home, variables: NodeJS.ProcessEnv = {}): Program {
  return runProgram(t, SERVICE, {
    ...process.env,
    AUTH: 'none',
    PORT: '0',
    DATABASE_HOST: 'embedded',
    DATABASE_PORT: '0',
    MOUNT_POINT: home.directory,
    ALLOW_PRIVATE_SOURCES: 'true',
    FETCH_POOL_SIZE: '0',
    LOG_LEVEL: 'warn',
    ...variables,
  });
}

export type RunningService = { program: Program; base: string };

/** Starts the service and waits until it listens. */
export async function runService(
  t: Test,
  home: Home,
  variables: NodeJS.ProcessEnv = {},
): Promise<RunningService> {
  const program = launchService(t, home, variables);
  const [, base = ''] = await program.prints(/listens at (\S+)\. Try:/);
  return { program, base };
}

/** Whether anybody listens at an address such as `http://127.0.0.1:40123`. */
export function listens(base: string): Promise<boolean> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve) => {
    const socket = net.connect(Number(port), hostname);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
