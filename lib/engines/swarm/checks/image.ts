import { createInterface } from 'node:readline';
import type Docker from 'dockerode';
import { ask, found } from '../../../docker.js';

/** How long it may take to copy an image, in ms. */
const COPY_TIMEOUT_MS = 600_000;

/**
 * Sees to it that a node has the base image, the very one that the others have: boxes' tools come from it, and are named
 * after it. It is copied, as there need not be a registry that has it.
 * @param others engines that may have it; the first that does is right
 * @returns what is wrong, and what to do
 */
export async function ensureBaseImage(others: Docker[], node: Docker, image: string): Promise<string[]> {
  for (const other of others) {
    const wanted = await idOf(other, image);
    if (!wanted) continue;
    if ((await idOf(node, image)) === wanted) return [];
    await ask(copy(other, node, image), COPY_TIMEOUT_MS);
    return (await idOf(node, image)) === wanted
      ? []
      : [`its image "${image}" is another one, and could not be replaced: remove it there`];
  }
  return [`neither the swarm's manager nor a node has the image "${image}": make or pull it on the manager`];
}

async function idOf(docker: Docker, image: string): Promise<string | undefined> {
  return (await ask(found(docker.getImage(image).inspect())))?.Id;
}

/** @throws the node's refusal */
async function copy(from: Docker, to: Docker, image: string): Promise<void> {
  const loading = await to.loadImage(await from.getImage(image).get());
  for await (const line of createInterface({ input: loading })) {
    const { error } = JSON.parse(line) as { error?: string };
    if (error) throw new Error(`The image "${image}" could not be copied: ${error}`);
  }
}
