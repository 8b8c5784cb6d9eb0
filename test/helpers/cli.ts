import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { projectRoot } from '../../lib/paths.js';
import type { Scope } from './scope.js';

/** How a run of the command-line client ended, and what it printed. */
export type CliRun = { status: number | null; stdout: string; stderr: string };

/** The command-line client as one person has it: with a configuration directory of its own. */
export class Cli {
  readonly env: Record<string, string>;
  readonly directory: string;

  constructor(directory: string, variables: Record<string, string>) {
    this.directory = directory;
    this.env = {
      PATH: `${path.join(projectRoot, 'bin')}:${process.env.PATH}`,
      HOME: directory,
      XDG_CONFIG_HOME: directory,
      ...variables,
    };
  }

  /** Runs `dockbox` with what is piped in. */
  async run(
    args: string[],
    { input = '', env = {} }: { input?: string; env?: Record<string, string> } = {},
  ): Promise<CliRun> {
    // Without what tap loads into every Node that a test starts.
    const child = spawn('env', ['--unset=NODE_OPTIONS', 'dockbox', ...args], {
      env: { ...this.env, ...env },
    });
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    const [stdout, stderr, [status]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ]);
    return { status, stdout, stderr };
  }
}

/** Makes one for a service at `base`, with more variables of the environment; the end of the test removes its directory. */
export async function makeCli(t: Scope, base?: string, variables: Record<string, string> = {}): Promise<Cli> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'dockbox-cli-'));
  t.teardown(() => rm(directory, { recursive: true }));
  return new Cli(directory, { ...(base && { DOCKBOX_URL: base }), ...variables });
}
