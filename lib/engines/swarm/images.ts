import type Docker from 'dockerode';
import { ask, found } from '../../docker.js';
import { pullImage } from '../../images/pull.js';
import type { Nodes } from './nodes-port.js';

/**
 * An image by a name that means the same on every node: with its digest where a registry has it, so that a node that
 * lacks it pulls it; else by its id, for which no node asks a registry. Such an image has to be on the nodes already.
 * @throws {@link errors.ImageUnavailable} when no node has it, and it can't be pulled
 */
export async function resolveImage(nodes: Nodes, image: string): Promise<string> {
  const worker = nodes.worker().docker;
  const own = await referenceOn(worker, image);
  if (own) return own;
  const others = await Promise.all(nodes.ready().map(({ docker }) => referenceOn(docker, image)));
  const reference = others.find((reference) => reference !== undefined);
  if (reference) return reference;
  await pullImage(worker, image);
  return (await referenceOn(worker, image)) ?? image;
}

async function referenceOn(docker: Docker, image: string): Promise<string | undefined> {
  const inspected = await ask(found(docker.getImage(image).inspect()));
  // Whichever repository it is: a digest names the very image.
  return inspected && (inspected.RepoDigests?.[0] ?? inspected.Id);
}
