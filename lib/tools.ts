import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { ask, found, tolerate } from './docker.js';
import { errors } from './errors.js';

/** Where the tools are in the base image and in every box. */
export const TOOLS_PATH = '/opt/dockbox';
/** A directory of a box's own, in memory, for the sockets and notes of what holds its terminals. */
export const TOOLS_RUN_PATH = '/run/dockbox';

const VOLUME_PREFIX = 'dockbox-tools-';
const VOLUME_LABEL = 'dockbox.tools';
const VOLUME_OPTIONS = { NoCopy: true, Labels: {}, DriverConfig: { Name: '', Options: {} } };

/** How long another server may take to fill the volume, in ms, and how often it is looked whether it has. */
const FILL_WAIT_MS = 20_000;
const FILL_POLL_MS = 50;

/**
 * The volume with what holds terminals (tmux and all that it needs), which is shared read-only with every box, whatever its
 * image. It is filled from the base image and named after it, so that a new base image brings new tools while boxes that
 * run keep theirs.
 *
 * The engine itself makes the volume that a container is to have, and fills it from the container's image, all in one call.
 * That container is kept, though it is never started, and has the volume's name: the engine gives a name to one alone of
 * those who ask at the same time, and shows a container once its volumes are filled. So a volume is complete if, and only if,
 * its container is there, whoever was killed in the middle, the engine included.
 */
export class Tools {
  readonly #docker: Docker;
  readonly #baseImage: string;

  constructor(docker: Docker, baseImage: string) {
    this.#docker = docker;
    this.#baseImage = baseImage;
  }

  /**
   * The name of the volume, which is made when there is none.
   * @returns undefined when the base image has no tools, or is missing
   * @throws {@link errors.EngineUnavailable}
   */
  async volume(): Promise<string | undefined> {
    const image = await ask(found(this.#docker.getImage(this.#baseImage).inspect()));
    const id = image?.Id.replace('sha256:', '');
    if (!id) return undefined;
    const name = VOLUME_PREFIX + id.slice(0, 12);
    if (await this.#isFilled(name)) return name;
    // One that is empty or in part filled; not one that another server fills at this moment, which is in use.
    await this.#removeVolume(name);
    return (await this.#fill(name, id)) ? name : undefined;
  }

  /**
   * Removes the volumes of former base images that no box uses any more. Images that have a name still may be the base of
   * another service on the same engine.
   */
  async removeFormer(): Promise<void> {
    const current = await this.volume();
    const filters = JSON.stringify({ label: [VOLUME_LABEL] });
    const { Volumes } = await ask(this.#docker.listVolumes({ filters }));
    for (const { Name, Labels } of Volumes ?? []) {
      if (Name === current) continue;
      const image = await ask(found(this.#docker.getImage(Labels[VOLUME_LABEL] ?? '').inspect()));
      if (image?.RepoTags?.length) continue;
      await this.#removeContainer(Name);
      await this.#removeVolume(Name);
    }
  }

  async #isFilled(name: string): Promise<boolean> {
    return (await ask(found(this.#docker.getContainer(name).inspect()))) !== undefined;
  }

  /** @returns whether the image has tools */
  async #fill(name: string, image: string): Promise<boolean> {
    for (let waitedMs = 0; waitedMs < FILL_WAIT_MS; waitedMs += FILL_POLL_MS) {
      if (await this.#make(name, image)) {
        if (await this.#hasTools(name)) return true;
        await this.#removeContainer(name);
        await this.#removeVolume(name);
        return false;
      }
      await delay(FILL_POLL_MS);
      if (await this.#isFilled(name)) return this.#hasTools(name);
    }
    throw new errors.EngineUnavailable('it does not get done with the volume of tools.');
  }

  /** @returns false when another server is about it */
  async #make(name: string, image: string): Promise<boolean> {
    const VolumeOptions = { ...VOLUME_OPTIONS, NoCopy: false, Labels: { [VOLUME_LABEL]: image } };
    const created = this.#docker.createContainer({
      name,
      Image: image,
      HostConfig: { Mounts: [{ Type: 'volume', Source: name, Target: TOOLS_PATH, VolumeOptions }] },
    });
    return (await ask(tolerate(created, 409))) !== 409;
  }

  async #hasTools(name: string): Promise<boolean> {
    const container = this.#docker.getContainer(name);
    const answer = await ask(found(container.infoArchive({ path: `${TOOLS_PATH}/bin/hold` })));
    // Its connection to the engine is not given back until the answer, which is empty, has been read.
    answer?.resume();
    return answer !== undefined;
  }

  async #removeContainer(name: string): Promise<void> {
    await ask(tolerate(this.#docker.getContainer(name).remove(), 404, 409));
  }

  async #removeVolume(name: string): Promise<void> {
    await ask(tolerate(this.#docker.getVolume(name).remove(), 404, 409));
  }
}

/**
 * The mount of a volume of tools in a box. Nothing is copied into one that is empty: that would be out of the box's image,
 * and for all boxes.
 */
export const toolsMount = (volume: string) => ({
  Type: 'volume' as const,
  Source: volume,
  Target: TOOLS_PATH,
  ReadOnly: true,
  VolumeOptions: VOLUME_OPTIONS,
});
