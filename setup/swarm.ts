import type Docker from 'dockerode';
import { ask } from '../lib/docker.js';

/**
 * Makes sure that an engine manages a swarm.
 * @throws with what to do, when it does not
 */
export async function checkManager(docker: Docker, address: string): Promise<void> {
  const { Swarm } = await ask<{ Swarm?: { ControlAvailable?: boolean } }>(docker.info());
  if (Swarm?.ControlAvailable) return;
  throw new Error(
    `ENGINE is "swarm", and the engine at DOCKER_SERVER_HOST, ${address}, manages none: run "docker swarm init" there, or name a manager.`,
  );
}
