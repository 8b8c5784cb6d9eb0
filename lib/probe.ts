import type Docker from 'dockerode';
import { ask, tolerate } from './docker.js';
import { ROOT } from './user.js';

type Probe = {
  docker: Docker;
  /** An image with the usual tools. */
  image: string;
  command: string[];
  /** Its environment. */
  variables?: Record<string, string>;
  labels?: Record<string, string>;
  /** How long it may take to start, in ms; as long as other calls when this is left out. */
  startTimeoutMs?: number;
  /** What it may do and sees; without powers and without a network unless this says otherwise. */
  host?: Docker.HostConfig;
};

/**
 * Finds something out that can only be seen from inside a container, by a throw-away one that tells it with its exit
 * status.
 * @returns the status; undefined when the image is missing
 * @throws the engine's refusal to run it; {@link errors.EngineUnavailable}
 */
export async function probe({
  docker,
  image,
  command,
  variables = {},
  labels = {},
  startTimeoutMs,
  host,
}: Probe): Promise<number | undefined> {
  const created = await ask(
    tolerate(
      docker.createContainer({
        Image: image,
        Labels: labels,
        User: ROOT,
        Entrypoint: [],
        Cmd: command,
        Env: Object.entries({ LC_ALL: 'C', ...variables }).map(([name, value]) => `${name}=${value}`),
        HostConfig: {
          // Also when this server is gone by then.
          AutoRemove: true,
          NetworkMode: 'none',
          CapDrop: ['ALL'],
          SecurityOpt: ['no-new-privileges'],
          ReadonlyRootfs: true,
          PidsLimit: 32,
          LogConfig: { Type: 'none', Config: {} },
          ...host,
        },
      }),
      404,
    ),
  );
  if (typeof created === 'number') return undefined;
  const gone = ask(created.wait({ condition: 'removed' }), startTimeoutMs);
  gone.catch(() => {});
  try {
    await ask(created.start(), startTimeoutMs);
  } catch (error) {
    await ask(tolerate(created.remove({ force: true }), 404, 409));
    throw error;
  }
  return (await gone).StatusCode;
}
