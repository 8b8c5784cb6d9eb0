import type Docker from 'dockerode';
import { ask, tolerate } from '../docker.js';
import { BOX_LABEL, fetchContainerName, type Owned } from './engine.js';

/** Ends a container and removes it, and waits until that is so; one that is not there counts as removed. */
export async function removeContainer(docker: Docker, nameOrId: string): Promise<void> {
  const container = docker.getContainer(nameOrId);
  const removed = await ask(tolerate(container.remove({ force: true, v: true }), 404, 409));
  // Somebody else is removing it: it is in use until they are done.
  if (removed === 409) await ask(tolerate(container.wait({ condition: 'removed' }), 404));
}

/** Whose container one of the deployment's is, from what its engine says of it. */
export function ownedOf({ Labels, Names, State }: Docker.ContainerInfo): Owned {
  const boxId = Labels[BOX_LABEL] ?? '';
  return { boxId, running: State === 'running', fetches: Names.includes(`/${fetchContainerName(boxId)}`) };
}
