import type Docker from 'dockerode';
import { ask, found, statusOf, tolerate } from '../docker.js';
import { errors } from '../errors.js';
import { pullImage } from '../images/pull.js';
import { ensureNetwork, NETWORK } from '../network.js';
import { reason } from '../refusal.js';
import { TOOLS_RUN_PATH, type Tools, toolsMount } from '../tools.js';
import { makeHome, nameUser, ROOT } from '../user.js';
import { ownedOf, removeContainer } from './containers.js';
import {
  BOX_LABEL,
  type BoxLimits,
  containerName,
  DEPLOYMENT_LABEL,
  type Engine,
  fetchContainerName,
  type Owned,
  type Place,
  type Runnable,
  type Whereabouts,
} from './engine.js';
import { CAPABILITIES, mainCommand, SHM_BYTES, STOP_GRACE_SECONDS, ULIMITS } from './hardening.js';

type EngineOptions = {
  docker: Docker;
  deployment: string;
  limits: BoxLimits;
  tools: Tools;
  /** Absolute path of a box's workspace, the same on this server and on the engine's host. */
  workspace: (id: string) => string;
};

/** The containers of boxes on one Docker engine. */
export class SingleEngine implements Engine {
  readonly #docker: Docker;
  readonly deployment: string;
  readonly #limits: BoxLimits;
  readonly #tools: Tools;
  readonly #workspace: (id: string) => string;

  constructor({ docker, deployment, limits, tools, workspace }: EngineOptions) {
    this.#docker = docker;
    this.deployment = deployment;
    this.#limits = limits;
    this.#tools = tools;
    this.#workspace = workspace;
  }

  async ping(): Promise<void> {
    await ask(this.#docker.ping());
  }

  pingManager(): Promise<void> {
    return this.ping();
  }

  labels(id: string): Record<string, string> {
    return { [BOX_LABEL]: id, [DEPLOYMENT_LABEL]: this.deployment };
  }

  async ensureRunning(box: Runnable): Promise<boolean> {
    const started = await this.#start(box.id);
    if (started !== undefined) return started;
    await this.#create(box);
    const container = this.#docker.getContainer(containerName(box.id));
    try {
      const { user } = this.#limits;
      if (user !== ROOT) await makeHome(container, user);
      await ask(tolerate(container.start(), 304));
      const place = { docker: this.#docker, container };
      if (user !== ROOT) await nameUser(place, user, (await this.#tools.volume()) !== undefined);
      return true;
    } catch (error) {
      if (statusOf(error) === undefined) throw error;
      await removeContainer(this.#docker, containerName(box.id));
      // 400 is the runtime's word on what it was told to run; all else is the engine's own trouble.
      if (statusOf(error) !== 400) throw new errors.EngineFailed(reason(error));
      throw new errors.ImageUnavailable(
        `A box can't be started from the image "${box.image}": ${reason(error)}`,
      );
    }
  }

  /**
   * Starts the container that is there. One that can't be started is removed: an engine that crashed may have left it so
   * for good ("task already exists").
   * @returns false when it ran already; undefined when there is none, or none any more
   */
  async #start(id: string): Promise<boolean | undefined> {
    const container = this.#docker.getContainer(containerName(id));
    try {
      const started = await ask(tolerate(container.start(), 304, 404));
      return started === 404 ? undefined : started !== 304;
    } catch (error) {
      if (statusOf(error) === undefined) throw error;
      const inspected = await ask(found(container.inspect()));
      if (inspected?.State.Running) return false;
      // By its own id: another server may have made it anew under the same name.
      if (inspected) await removeContainer(this.#docker, inspected.Id);
      return undefined;
    }
  }

  async stop(id: string): Promise<void> {
    await ask(
      tolerate(this.#docker.getContainer(containerName(id)).stop({ t: STOP_GRACE_SECONDS }), 304, 404),
    );
  }

  async remove(id: string): Promise<void> {
    await removeContainer(this.#docker, containerName(id));
    await this.removeFetch(id);
  }

  async removeFetch(id: string): Promise<void> {
    await removeContainer(this.#docker, fetchContainerName(id));
  }

  async runningBoxes(): Promise<Set<string>> {
    const containers = await this.#list({ all: false });
    return new Set(containers.flatMap(({ boxId, fetches }) => (fetches ? [] : boxId)));
  }

  async isRunning(id: string): Promise<boolean> {
    const container = await ask(found(this.#docker.getContainer(containerName(id)).inspect()));
    return container?.State.Running ?? false;
  }

  containers(): Promise<Owned[]> {
    return this.#list({ all: true });
  }

  async place(id: string): Promise<Place> {
    return { docker: this.#docker, container: this.#docker.getContainer(containerName(id)) };
  }

  /** There is but one machine. */
  async whereabouts(): Promise<Whereabouts> {
    return 'there';
  }

  async worker(): Promise<Docker> {
    return this.#docker;
  }

  async #list({ all }: { all: boolean }) {
    const label = [`${DEPLOYMENT_LABEL}=${this.deployment}`];
    const containers = await ask(this.#docker.listContainers({ all, filters: { label } }));
    return containers.map(ownedOf);
  }

  async #create(box: Runnable): Promise<void> {
    const [tools] = await Promise.all([this.#tools.volume(), ensureNetwork(this.#docker)]);
    const options = this.#containerOptions(box, tools);
    const create = () => ask(tolerate(this.#docker.createContainer(options), 404, 409));
    if ((await create()) !== 404) return;
    // Images are pruned by their hosts' owners: have it again.
    await pullImage(this.#docker, box.image);
    await create();
  }

  #containerOptions(box: Runnable, tools: string | undefined): Docker.ContainerCreateOptions {
    const { memoryBytes, cpus, pids, runtime, user } = this.#limits;
    const [uid, gid] = user.split(':');
    return {
      name: containerName(box.id),
      Image: box.image,
      Hostname: box.name,
      Labels: this.labels(box.id),
      // The workspace's files are this user's, whoever the image's is.
      User: user,
      WorkingDir: '/workspace',
      Entrypoint: [],
      Cmd: mainCommand(tools !== undefined),
      HostConfig: {
        Init: true,
        // Unlike a bind by name, a mount is refused when the directory is not there.
        Mounts: [
          { Type: 'bind', Source: this.#workspace(box.id), Target: '/workspace' },
          ...(tools ? [toolsMount(tools)] : []),
        ],
        Tmpfs: { [TOOLS_RUN_PATH]: `rw,nosuid,nodev,noexec,size=1m,mode=0700,uid=${uid},gid=${gid}` },
        NetworkMode: NETWORK,
        CapDrop: ['ALL'],
        CapAdd: CAPABILITIES,
        SecurityOpt: ['no-new-privileges'],
        Memory: memoryBytes,
        MemorySwap: memoryBytes,
        NanoCpus: Math.round(cpus * 1e9),
        PidsLimit: pids,
        // In memory, and counted as such. /tmp is not: package managers need room there.
        ShmSize: SHM_BYTES,
        Ulimits: ULIMITS,
        LogConfig: { Type: 'none', Config: {} },
        ...(runtime && { Runtime: runtime }),
      },
    };
  }
}
