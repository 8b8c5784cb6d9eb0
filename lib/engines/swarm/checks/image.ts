import { createInterface } from 'node:readline';
import type Docker from 'dockerode';
import { ask, found } from '../../../docker.js';

/** How long it may take to copy an image, in ms. */
const COPY_TIMEOUT_MS = 600_000;

/**
 * Sees to it that a node has the base image, the very one that the manager has: boxes' tools come from it, and are named
 * after it. It is copied, as there need not be a registry that has it.
 * @returns what is wrong, and what to do
 */
export async function ensureBaseImage(manager: Docker, node: Docker, image: string): Promise<string[]> {
  const wanted = await idOf(manager, image);
  if (!wanted) return [`the swarm's manager has no image "${image}" to copy: make or pull it there`];
  if ((await idOf(node, image)) === wanted) return [];
  await ask(copy(manager, node, image), COPY_TIMEOUT_MS);
  return (await idOf(node, image)) === wanted
    ? []
    : [`its image "${image}" is not the manager's, and could not be replaced: pull it there`];
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
