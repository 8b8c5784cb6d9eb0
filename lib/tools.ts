import type Docker from 'dockerode';
import { ask, found, tolerate } from './docker.js';

/** Where the tools are in the base image and in every box. */
export const TOOLS_PATH = '/opt/dockbox';
/** A directory of a box's own, in memory, for the sockets and notes of what holds its terminals. */
export const TOOLS_RUN_PATH = '/run/dockbox';

const VOLUME_PREFIX = 'dockbox-tools-';
const VOLUME_LABEL = 'dockbox.tools';
const VOLUME_OPTIONS = { NoCopy: true, Labels: {}, DriverConfig: { Name: '', Options: {} } };

/**
 * The volume with what holds terminals (tmux and all that it needs), which is shared read-only with every box, whatever its
 * image. It is filled from the base image and named after it, so that a new base image brings new tools while boxes that
 * run keep theirs.
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
   */
  async volume(): Promise<string | undefined> {
    const image = await ask(found(this.#docker.getImage(this.#baseImage).inspect()));
    const id = image?.Id.replace('sha256:', '');
    if (!id) return undefined;
    const name = VOLUME_PREFIX + id.slice(0, 12);
    const volume = this.#docker.getVolume(name);
    const made = await ask(found(volume.inspect()));
    if (made?.Labels?.[VOLUME_LABEL]) return name;
    // A node that was to run a box before it had the tools: its engine has made an empty one.
    if (made) await ask(volume.remove());
    return (await this.#fill(name, id)) ? name : undefined;
  }

  /** Removes the volumes of former base images that no box uses any more. */
  async removeFormer(): Promise<void> {
    const current = await this.volume();
    const filters = JSON.stringify({ label: [VOLUME_LABEL], dangling: ['true'] });
    const { Volumes } = await ask(this.#docker.listVolumes({ filters }));
    for (const { Name } of Volumes ?? []) {
      if (Name !== current) await ask(tolerate(this.#docker.getVolume(Name).remove(), 404, 409));
    }
  }

  /**
   * The engine itself makes the volume that a container is to have, and fills it from the container's image: by one call,
   * so that who dies in the middle leaves none that is empty.
   */
  async #fill(name: string, image: string): Promise<boolean> {
    const VolumeOptions = { ...VOLUME_OPTIONS, NoCopy: false, Labels: { [VOLUME_LABEL]: image } };
    const container = await ask(
      this.#docker.createContainer({
        Image: image,
        HostConfig: { Mounts: [{ Type: 'volume', Source: name, Target: TOOLS_PATH, VolumeOptions }] },
      }),
    );
    let answer: NodeJS.ReadableStream | undefined;
    try {
      answer = await ask(found(container.infoArchive({ path: `${TOOLS_PATH}/bin/hold` })));
      // Its connection to the engine is not given back until the answer, which is empty, has been read.
      answer?.resume();
    } finally {
      await ask(container.remove());
    }
    if (!answer) await ask(tolerate(this.#docker.getVolume(name).remove(), 404, 409));
    return answer !== undefined;
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
