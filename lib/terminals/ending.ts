import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { ask, found } from '../docker.js';
import { containerName } from '../engine.js';

/** How long the engine may take to see that a container has stopped, in ms, and how often it is asked. */
const SETTLE_MS = 2000;
const POLL_MS = 25;

/** The exit code of a process that SIGKILL ended. */
const KILLED = 137;

/**
 * Why a shell's stream ended, asked of the engine once it has: the shell exited, or its container stopped. When a
 * container stops, its shells are killed a moment before the engine knows that it did: so a shell that was killed is
 * given the time to show which it was.
 * @throws `EngineUnavailable`
 */
export async function shellEnding(
  docker: Docker,
  boxId: string,
  execId: string,
): Promise<'exited' | 'stopped'> {
  const exec = await ask(found(docker.getExec(execId).inspect()));
  const exited = exec && !exec.Running && exec.ExitCode !== KILLED;
  const runs = await staysRunning(docker, boxId, exited ? 0 : SETTLE_MS);
  // The engine forgets the execs of a container that it has started anew.
  return runs && exec ? 'exited' : 'stopped';
}

/**
 * Whether a box's container runs.
 * @param patienceMs for how long it has to be seen running to be believed, in ms
 * @throws `EngineUnavailable`
 */
export async function staysRunning(docker: Docker, boxId: string, patienceMs = SETTLE_MS): Promise<boolean> {
  const container = docker.getContainer(containerName(boxId));
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const inspected = await ask(found(container.inspect()));
    if (!inspected?.State.Running) return false;
    if (Date.now() >= deadline) return true;
    await delay(POLL_MS);
  }
}
