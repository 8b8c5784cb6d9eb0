import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { projectRoot } from '../lib/paths.js';
import { keepOutput } from '../setup/run.js';
import type { Scope } from '../test/helpers/scope.js';

const CONFIGURATION = path.join(projectRoot, 'deploy', 'haproxy.cfg');
const POLL_MS = 50;

/** HAProxy with the configuration that is in deploy/, in front of two replicas. */
export class LoadBalancer {
  /** The service's address for clients. */
  readonly base: string;
  readonly #socket: string;

  constructor(base: string, socket: string) {
    this.base = base;
    this.#socket = socket;
  }

  /** Waits until it sends anybody to a server, or nobody any more. */
  async until(server: 'one' | 'two', state: 'UP' | 'DOWN'): Promise<void> {
    while (!(await this.#states()).includes(`dockbox,${server},${state}`)) await delay(POLL_MS);
  }

  /** Of each server `proxy,name,status`: columns 1, 2 and 18 of HAProxy's management guide, section 9.1. */
  async #states(): Promise<string[]> {
    const socket = connect(this.#socket).on('error', () => {});
    socket.end('show stat\n');
    const lines = (await text(socket).catch(() => '')).split('\n');
    return lines.map((line) => {
      const fields = line.split(',');
      // "UP 1/2" is about to be something else.
      return [fields[0], fields[1], fields[17]].join(',');
    });
  }
}

/**
 * @param ports of the two replicas on this machine
 * @param checkSeconds between two health checks of a replica
 */
export async function startLoadBalancer(
  t: Scope,
  ports: [number, number],
  checkSeconds: number,
): Promise<LoadBalancer> {
  const directory = await mkdtemp(path.join(tmpdir(), 'dockbox-proxy-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const port = await freePort();
  const socket = path.join(directory, 'stats.sock');
  const haproxy = spawn('haproxy', ['-db', '-f', CONFIGURATION], {
    env: {
      ...process.env,
      DOCKBOX_STATS: socket,
      DOCKBOX_BIND: `127.0.0.1:${port}`,
      DOCKBOX_CHECK: `${checkSeconds * 1000}ms`,
      DOCKBOX_ONE: `127.0.0.1:${ports[0]}`,
      DOCKBOX_TWO: `127.0.0.1:${ports[1]}`,
    },
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const output = keepOutput(haproxy.stderr);
  t.teardown(() => stop(haproxy));
  const proxy = new LoadBalancer(`http://127.0.0.1:${port}`, socket);
  const ended = once(haproxy, 'exit').then(([code]) => {
    throw new Error(`HAProxy ended with ${code}: ${output()}`);
  });
  await Promise.race([ended, Promise.all([proxy.until('one', 'UP'), proxy.until('two', 'UP')])]);
  ended.catch(() => {});
  return proxy;
}

async function stop(haproxy: ChildProcess): Promise<void> {
  if (haproxy.exitCode !== null || haproxy.signalCode !== null) return;
  const exit = once(haproxy, 'exit');
  haproxy.kill('SIGKILL');
  await exit;
}

/** A port of this machine's that nobody has. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
