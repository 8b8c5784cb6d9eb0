import type Docker from 'dockerode';
import { ask } from '../../../docker.js';
import { errors } from '../../../errors.js';
import { checkRuntime } from '../../../runtime.js';

/**
 * Looks whether the engine runs containers by the runtime of boxes unless told otherwise: a service can't name one.
 * @returns what is wrong, and what to do
 */
export async function checkDefaultRuntime(docker: Docker, image: string, runtime: string): Promise<string[]> {
  const { DefaultRuntime } = await ask<{ DefaultRuntime: string }>(docker.info());
  if (DefaultRuntime !== runtime) {
    return [
      `its engine runs containers with "${DefaultRuntime}" and not CONTAINER_RUNTIME: set "default-runtime": "${runtime}" in its daemon.json and restart it`,
    ];
  }
  try {
    await checkRuntime(docker, runtime, image);
    return [];
  } catch (error) {
    if (error instanceof errors.EngineUnavailable) throw error;
    return [(error as Error).message];
  }
}
