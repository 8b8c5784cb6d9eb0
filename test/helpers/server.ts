import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { projectRoot } from '../../lib/paths.js';
import { call } from './client.js';
import type { Deployment } from './deployment.js';
import type { Scope } from './scope.js';

/** The unit of processor times in /proc, on every architecture of Linux that Node runs on. */
const TICK_MS = 10;

/** A server in a process of its own, as its users run it. */
export class Server {
  readonly base: string;
  readonly #process: ChildProcess;

  constructor(process: ChildProcess, base: string) {
    this.#process = process;
    this.base = base;
  }

  get runs(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Its resident memory, in bytes. */
  async memory(): Promise<number> {
    const status = await readFile(`/proc/${this.#process.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  }

  /** The processor time that it has used since it was started, in ms. */
  async processorTime(): Promise<number> {
    const stat = await readFile(`/proc/${this.#process.pid}/stat`, 'utf8');
    // Counted after the command's parenthesis, because a command may contain anything: proc(5).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  }

  /**
   * Sends it a signal and waits for its end, and for the last that it printed.
   * @returns its exit code, or the signal that ended it
   */
  async end(signal: NodeJS.Signals): Promise<number | string> {
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null) return exitCode ?? signalCode ?? '';
    const closed = once(this.#process, 'close');
    this.#process.kill(signal);
    const [code, killer] = await closed;
    return code ?? killer;
  }
}

/**
 * Starts a server process and waits until it listens. It ends with this process, also when that crashes: then its input
 * ends.
 * @param onLine gets what it prints and logs; its standard error is this process's unless given
 * @throws when it ends before that
 */
export async function launchServer(env: NodeJS.ProcessEnv, onLine?: (line: string) => void): Promise<Server> {
  const script = `process.stdin.resume().once('end', () => process.kill(process.pid, 'SIGKILL'));
    const { main } = await import(${JSON.stringify(path.join(projectRoot, 'build/main.js'))}); await main();
    process.stdin.destroy();`;
  const child = spawn(process.execPath, ['--enable-source-maps', '--input-type=module', '-e', script], {
    env,
    // Not in this one's process group: Ctrl-C is for the tests, which then end it.
    detached: true,
    stdio: ['pipe', 'pipe', onLine ? 'pipe' : 'inherit'],
  });
  if (child.stderr && onLine) createInterface({ input: child.stderr }).on('line', onLine);
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout as Readable }).on('line', (line) => {
      onLine?.(line);
      const base = /listens at (\S+)\. Try:/.exec(line)?.[1];
      if (base) resolve(new Server(child, base));
    });
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      reject(new Error(`The server ended with ${code ?? signal} before it listened.`)),
    );
  });
}

/** Starts a server of a deployment. The test's end deletes the deployment's boxes and stops it. */
export async function startServer(
  t: Scope,
  deployment: Deployment,
  variables: NodeJS.ProcessEnv = {},
): Promise<Server> {
  const server = await launchServer({ ...deployment.env, ...variables });
  t.teardown(async () => {
    if (server.runs) {
      for (const id of await deployment.rows()) await call(server, 'DELETE', `/v1/dockbox/${id}`);
    }
    await server.end('SIGTERM');
  });
  return server;
}
