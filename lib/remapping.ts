import { chown } from 'node:fs/promises';
import type Docker from 'dockerode';
import { ask } from './docker.js';

/**
 * Gives a directory to the root of containers, who is nobody on the host when the engine remaps its users
 * (https://docs.docker.com/engine/security/userns-remap/). Such an engine keeps its data in a directory that is named
 * after him.
 * @throws when this server may not: it has to be root then; {@link errors.EngineUnavailable}
 */
export async function giveToContainers(docker: Docker, directory: string): Promise<void> {
  const info = await ask<{ SecurityOptions?: string[]; DockerRootDir: string }>(docker.info());
  if (!info.SecurityOptions?.some((option) => option.split(',').includes('name=userns'))) return;
  const [, uid, gid] = /\/(\d+)\.(\d+)$/.exec(info.DockerRootDir) ?? [];
  if (uid === undefined) {
    throw new Error(`The engine remaps users, and its directory does not tell whose: ${info.DockerRootDir}`);
  }
  await chown(directory, Number(uid), Number(gid));
}
