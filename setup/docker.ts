import { spawn } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { useNext } from '../lib/docker.js';
import { whySilent } from '../lib/silence.js';
import { install, isInstalled, mayInstall, run, step } from './run.js';

const DEFAULT_SOCKET = '/var/run/docker.sock';
const LOG = '/var/log/dockbox-dockerd.log';
const START_TIMEOUT_MS = 60_000;

/**
 * Sees to it that the engine answers: one that does is left alone; on a Debian machine where we are root it is installed
 * and started.
 * @throws with what to do, when we may not or it does not start
 */
export async function ensureDocker(docker: Docker, address: string): Promise<void> {
  /** Why the engine does not answer; undefined when it does. */
  const problem = () => docker.ping().then(() => undefined, whySilent);
  let why = await problem();
  // Of several managers of a swarm any will do.
  for (const _ of address.split(',').slice(1)) {
    if (why === undefined) return;
    useNext(docker);
    why = await problem();
  }
  if (why === undefined) return;
  if (address.replace(/^unix:\/\//, '') !== DEFAULT_SOCKET) {
    throw new Error(
      `No Docker engine answers at DOCKER_SERVER_HOST, ${address} (${why}): start it, or name another.`,
    );
  }
  if (!(await mayInstall())) {
    throw new Error(
      `No Docker engine answers at ${address} (${why}). Install Docker (https://docs.docker.com/engine/install/), start it, and ` +
        'see that "docker info" works as this user; or set DOCKER_SERVER_HOST to an engine that runs elsewhere.',
    );
  }
  if (!(await isInstalled('dockerd'))) await install('docker.io', 'iptables');
  await step('Starting Docker', async () => {
    await startDaemon();
    const deadline = Date.now() + START_TIMEOUT_MS;
    while ((await problem()) !== undefined) {
      if (Date.now() > deadline) throw new Error(`Docker does not start: ${lastLines(LOG)}`);
      await delay(100);
    }
  });
}

const lastLines = (file: string) => readFileSync(file, 'utf8').split('\n').slice(-5).join('\n');

async function startDaemon(): Promise<void> {
  const init = readFileSync('/proc/1/comm', 'utf8').trim();
  if (init === 'systemd') return run('systemctl', ['start', 'docker']);
  // Without an init system it runs in a session of its own, so that Ctrl-C here does not end it.
  const log = openSync(LOG, 'a');
  spawn('dockerd', [], { detached: true, stdio: ['ignore', log, log] }).unref();
}
