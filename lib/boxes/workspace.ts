import { execFile } from 'node:child_process';
import { mkdir, opendir, readFile, rmdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import { ask, tolerate } from '../docker.js';
import { ROOT } from '../user.js';
import type { Quota } from './quota.js';
import { isId } from './store.js';

const run = promisify(execFile);

/** The file that says whose a mount point is: the id of a deployment. */
export const OWNER_FILE = '.dockbox-deployment';

/** How long it may take to empty a workspace, in ms. */
const EMPTY_TIMEOUT_MS = 600_000;

/**
 * Makes a mount point a deployment's, when it is nobody's yet.
 * @param root MOUNT_POINT, absolute
 * @returns the id of the deployment whose it is
 */
export async function claimMountPoint(root: string, deployment: string): Promise<string> {
  await mkdir(root, { recursive: true });
  const file = path.join(root, OWNER_FILE);
  await writeFile(file, deployment, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return readFile(file, 'utf8');
}

/** The workspaces below one mount point, and the throw-away container that removes what the server itself can't. */
export class Workspaces {
  readonly #root: string;
  readonly #worker: () => Promise<Docker>;
  readonly #baseImage: string;
  /** The file system's limit of each workspace, where it has one. */
  readonly quota: Quota | undefined;

  /**
   * @param root MOUNT_POINT, absolute
   * @param worker gives an engine for throw-away containers that see it
   */
  constructor(root: string, worker: () => Promise<Docker>, baseImage: string, quota?: Quota) {
    this.quota = quota;
    this.#root = root;
    this.#worker = worker;
    this.#baseImage = baseImage;
  }

  /** The absolute directory of a box's files. */
  path(id: string): string {
    return path.join(this.#root, id);
  }

  /** Makes the directory, with its limit where the file system has one. */
  async make(id: string): Promise<void> {
    if (this.quota) await this.quota.make(this.path(id));
    else await mkdir(this.path(id), { recursive: true, mode: 0o755 });
  }

  /** Whether the directory is there. */
  exists(id: string): Promise<boolean> {
    return stat(this.path(id)).then(
      (stats) => stats.isDirectory(),
      () => false,
    );
  }

  /**
   * Makes the mount point a deployment's, when it is nobody's yet.
   * @returns false when it is another deployment's, which may share it with this one
   */
  async claim(deployment: string): Promise<boolean> {
    return (await claimMountPoint(this.#root, deployment)) === deployment;
  }

  /** The ids that the directories below the mount point have for names. */
  async *ids(): AsyncGenerator<string> {
    for await (const entry of await opendir(this.#root)) {
      if (entry.isDirectory() && isId(entry.name)) yield entry.name;
    }
  }

  /** When something came into a workspace's directory or went, in ms of the epoch; undefined when there is none. */
  async changedAt(id: string): Promise<number | undefined> {
    const stats = await stat(this.path(id)).catch(() => undefined);
    return stats?.mtimeMs;
  }

  /**
   * Removes a workspace with all that is in it; no link in it is followed. Not with Node's own `rm`, which goes by paths: who
   * exchanges a directory for a link at the right moment would have it empty what the link leads to.
   */
  async remove(id: string, labels: Record<string, string>): Promise<void> {
    const directory = this.path(id);
    if (await this.quota?.remove(directory)) return;
    try {
      await run('rm', ['-rf', '--', directory]);
    } catch {
      // Files of root's where the server is not root, or a tree nested deeper than a path can be long.
      await this.#emptyInContainer(directory, labels);
      await rmdir(directory);
    }
  }

  async #emptyInContainer(directory: string, labels: Record<string, string>): Promise<void> {
    const docker = await this.#worker();
    const container = await ask(
      docker.createContainer({
        Image: this.#baseImage,
        Labels: labels,
        User: ROOT,
        Entrypoint: [],
        Cmd: ['find', '/workspace', '-mindepth', '1', '-delete'],
        HostConfig: {
          Mounts: [{ Type: 'bind', Source: directory, Target: '/workspace' }],
          NetworkMode: 'none',
          CapDrop: ['ALL'],
          CapAdd: ['DAC_OVERRIDE', 'FOWNER'],
          // Also when this server is gone by then: nobody knows its name.
          AutoRemove: true,
        },
      }),
    );
    const gone = ask(container.wait({ condition: 'removed' }), EMPTY_TIMEOUT_MS);
    gone.catch(() => {});
    try {
      await ask(container.start());
      await gone;
    } catch (error) {
      await ask(tolerate(container.remove({ force: true }), 404, 409));
      throw error;
    }
  }
}
