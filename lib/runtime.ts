import type Docker from 'dockerode';
import { statusOf } from './docker.js';
import { probe } from './probe.js';
import { reason } from './refusal.js';

/**
 * Makes sure that the engine can run containers with an OCI runtime, by running one that does nothing.
 * @returns false when the image for that is missing, so that it can't be told
 * @throws an error that names the runtime and the engine's reason; {@link errors.EngineUnavailable}
 */
export async function checkRuntime(docker: Docker, runtime: string, image: string): Promise<boolean> {
  const unusable = (why: string) =>
    new Error(`CONTAINER_RUNTIME: the engine can't run containers with "${runtime}": ${why}`);
  let status: number | undefined;
  try {
    status = await probe({ docker, image, command: ['true'], host: { Runtime: runtime } });
  } catch (error) {
    throw statusOf(error) === undefined ? error : unusable(reason(error));
  }
  if (status === undefined) return false;
  if (status !== 0) throw unusable(`a program that does nothing ended with ${status}.`);
  return true;
}
