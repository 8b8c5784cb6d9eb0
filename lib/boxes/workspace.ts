import { rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type Docker from 'dockerode';
import { ask } from '../docker.js';

/** The workspaces below one mount point, and the throw-away container that removes what the server itself can't. */
export class Workspaces {
  readonly #root: string;
  readonly #docker: Docker;
  readonly #baseImage: string;

  /** @param root MOUNT_POINT, absolute */
  constructor(root: string, docker: Docker, baseImage: string) {
    this.#root = root;
    this.#docker = docker;
    this.#baseImage = baseImage;
  }

  /** The absolute directory of a box's files. */
  path(id: string): string {
    return path.join(this.#root, id);
  }

  /** Whether the directory is there. */
  exists(id: string): Promise<boolean> {
    return stat(this.path(id)).then(
      (stats) => stats.isDirectory(),
      () => false,
    );
  }

  /** Removes a workspace with all that is in it; no link in it is followed. */
  async remove(id: string, labels: Record<string, string>): Promise<void> {
    const directory = this.path(id);
    try {
      await rm(directory, { recursive: true, force: true });
    } catch {
      // Files of root's where the server is not root, or a tree nested deeper than a path can be long.
      await this.#emptyInContainer(directory, labels);
      await rmdir(directory);
    }
  }

  async #emptyInContainer(directory: string, labels: Record<string, string>): Promise<void> {
    const container = await ask(
      this.#docker.createContainer({
        Image: this.#baseImage,
        Labels: labels,
        User: '0:0',
        Entrypoint: [],
        Cmd: ['find', '/workspace', '-mindepth', '1', '-delete'],
        HostConfig: {
          Binds: [`${directory}:/workspace`],
          NetworkMode: 'none',
          CapDrop: ['ALL'],
          CapAdd: ['DAC_OVERRIDE', 'FOWNER'],
        },
      }),
    );
    try {
      await ask(container.start());
      await ask(container.wait());
    } finally {
      await ask(container.remove({ force: true }));
    }
  }
}
