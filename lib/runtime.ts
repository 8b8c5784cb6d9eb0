import type Docker from 'dockerode';
import { ask, statusOf, tolerate } from './docker.js';
import { reason } from './refusal.js';
import { ROOT } from './user.js';

/**
 * Makes sure that the engine can run containers with an OCI runtime, by running one that does nothing.
 * @returns false when the image for that is missing, so that it can't be told
 * @throws an error that names the runtime and the engine's reason; {@link errors.EngineUnavailable}
 */
export async function checkRuntime(docker: Docker, runtime: string, image: string): Promise<boolean> {
  const unusable = (why: string) =>
    new Error(`CONTAINER_RUNTIME: the engine can't run containers with "${runtime}": ${why}`);
  let container: Docker.Container | undefined;
  try {
    const created = await ask(
      tolerate(
        docker.createContainer({
          Image: image,
          User: ROOT,
          Entrypoint: [],
          Cmd: ['true'],
          HostConfig: {
            Runtime: runtime,
            NetworkMode: 'none',
            CapDrop: ['ALL'],
            SecurityOpt: ['no-new-privileges'],
            LogConfig: { Type: 'none', Config: {} },
          },
        }),
        404,
      ),
    );
    if (typeof created === 'number') return false;
    container = created;
    await ask(container.start());
    const { StatusCode } = await ask(container.wait());
    if (StatusCode !== 0) throw unusable(`a program that does nothing ended with ${StatusCode}.`);
    return true;
  } catch (error) {
    throw statusOf(error) === undefined ? error : unusable(reason(error));
  } finally {
    if (container) await ask(tolerate(container.remove({ force: true }), 404, 409));
  }
}
