import { BASE_IMAGE, makeMachine } from './daemon.js';
import type { Scope } from './scope.js';

/**
 * Starts a swarm of one node, for tests that know nothing of swarms. Its engine is on the network of the process that
 * calls this, so that fetches reach the tests' servers on loopback: that must not be the network of another engine.
 * @returns the variables that make a server use it
 */
export async function startLoneSwarm(t: Scope): Promise<NodeJS.ProcessEnv> {
  const daemon = await makeMachine(t, { name: 'lone', sharesNetwork: true });
  await daemon.start({ swarm: true });
  await daemon.load(BASE_IMAGE);
  const machine = process.env.DOCKER_SERVER_HOST ?? '/var/run/docker.sock';
  return { ENGINE: 'swarm', DOCKER_SERVER_HOST: daemon.socket, MACHINE_ENGINE: machine };
}
