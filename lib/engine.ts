import type Docker from 'dockerode';
import { ask, found, statusOf, tolerate } from './docker.js';
import { errors } from './errors.js';
import { pullImage } from './images/pull.js';
import { ensureNetwork, NETWORK } from './network.js';
import { reason } from './refusal.js';
import { TOOLS_PATH, TOOLS_RUN_PATH, type Tools } from './tools.js';
import { makeHome, nameUser, ROOT } from './user.js';

/** What package managers need as root, and no more: no raw sockets, no device nodes, no mounts. */
const CAPABILITIES = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'NET_BIND_SERVICE',
  'SETGID',
  'SETUID',
];

/** The size of /dev/shm, in bytes: what Docker gives, whatever its daemon is told. */
const SHM_BYTES = 64 * 1024 ** 2;

/**
 * Of a process: an engine's own limit for open files may be a million, or, where it may raise none, some 20,000. A crash
 * leaves no core in the workspace.
 */
const ULIMITS = [
  { Name: 'nofile', Soft: 16_384, Hard: 16_384 },
  { Name: 'core', Soft: 0, Hard: 0 },
];

/** Seconds between SIGTERM and SIGKILL. The main process ends at once; the shells go with it. */
const STOP_GRACE_SECONDS = 2;

/** Label of every container of a deployment; its value is the deployment's id. */
export const DEPLOYMENT_LABEL = 'dockbox.deployment';
/** Label that names a container's box, by id. */
export const BOX_LABEL = 'dockbox.id';

/** What the engine has to know of a box to run it. */
export type Runnable = { id: string; name: string; image: string };

export type BoxLimits = {
  memoryBytes: number;
  cpus: number;
  pids: number;
  /** An OCI runtime that the engine knows, such as `runsc`; undefined for the engine's default. */
  runtime?: string | undefined;
  /** Whose boxes' processes are: a user's and a group's id, such as `1000:1000`. */
  user: string;
};

type EngineOptions = {
  docker: Docker;
  deployment: string;
  limits: BoxLimits;
  tools: Tools;
  /** Absolute path of a box's workspace, the same on this server and on the engine's host. */
  workspace: (id: string) => string;
};

/**
 * The containers of boxes on one Docker engine. Every operation may be repeated and may race with another replica's:
 * what is already so counts as done. Each throws {@link errors.EngineUnavailable} when the engine does not answer.
 */
export class Engine {
  readonly docker: Docker;
  readonly deployment: string;
  readonly #limits: BoxLimits;
  readonly #tools: Tools;
  readonly #workspace: (id: string) => string;

  constructor({ docker, deployment, limits, tools, workspace }: EngineOptions) {
    this.docker = docker;
    this.deployment = deployment;
    this.#limits = limits;
    this.#tools = tools;
    this.#workspace = workspace;
  }

  async ping(): Promise<void> {
    await ask(this.docker.ping());
  }

  /** Labels for a container that belongs to the box `id`. */
  labels(id: string): Record<string, string> {
    return { [BOX_LABEL]: id, [DEPLOYMENT_LABEL]: this.deployment };
  }

  /**
   * Makes sure that the box's container runs: made again when it is missing, started when it is stopped.
   * @returns false when it ran already
   * @throws {@link errors.ImageUnavailable} when its image is gone or can't run a box; {@link errors.EngineFailed}
   */
  async ensureRunning(box: Runnable): Promise<boolean> {
    const started = await this.#start(box.id);
    if (started !== undefined) return started;
    await this.#create(box);
    const container = this.docker.getContainer(containerName(box.id));
    try {
      const { user } = this.#limits;
      if (user !== ROOT) await makeHome(container, user);
      await ask(tolerate(container.start(), 304));
      if (user !== ROOT) await nameUser(container, user, (await this.#tools.volume()) !== undefined);
      return true;
    } catch (error) {
      if (statusOf(error) === undefined) throw error;
      await this.#removeContainer(containerName(box.id));
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
    const container = this.docker.getContainer(containerName(id));
    try {
      const started = await ask(tolerate(container.start(), 304, 404));
      return started === 404 ? undefined : started !== 304;
    } catch (error) {
      if (statusOf(error) === undefined) throw error;
      const inspected = await ask(found(container.inspect()));
      if (inspected?.State.Running) return false;
      // By its own id: another server may have made it anew under the same name.
      if (inspected) await this.#removeContainer(inspected.Id);
      return undefined;
    }
  }

  async stop(id: string): Promise<void> {
    await ask(
      tolerate(this.docker.getContainer(containerName(id)).stop({ t: STOP_GRACE_SECONDS }), 304, 404),
    );
  }

  /** Removes the box's container and, when one is at work, the container that fetches its source. */
  async remove(id: string): Promise<void> {
    for (const name of [containerName(id), fetchContainerName(id)]) await this.#removeContainer(name);
  }

  /** The ids of boxes whose container runs, as the engine says. */
  async runningBoxes(): Promise<Set<string>> {
    const containers = await this.#list({ all: false });
    return new Set(containers.map(({ boxId }) => boxId));
  }

  /** Whether the box's container runs, as the engine says. */
  async isRunning(id: string): Promise<boolean> {
    const container = await ask(found(this.docker.getContainer(containerName(id)).inspect()));
    return container?.State.Running ?? false;
  }

  /** Every container of the deployment's, those of fetches included: whose it is, and whether it runs. */
  containers(): Promise<{ boxId: string; running: boolean }[]> {
    return this.#list({ all: true });
  }

  async #list({ all }: { all: boolean }) {
    const label = [`${DEPLOYMENT_LABEL}=${this.deployment}`];
    const containers = await ask(this.docker.listContainers({ all, filters: { label } }));
    return containers.map(({ Labels, State }) => ({
      boxId: Labels[BOX_LABEL] ?? '',
      running: State === 'running',
    }));
  }

  async #create(box: Runnable): Promise<void> {
    await ensureNetwork(this.docker);
    const options = this.#containerOptions(box, await this.#tools.volume());
    const create = () => ask(tolerate(this.docker.createContainer(options), 404, 409));
    if ((await create()) !== 404) return;
    // Images are pruned by their hosts' owners: have it again.
    await pullImage(this.docker, box.image);
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
      // From the tools where there are any: not every image has a tail.
      Cmd: [...(tools ? [`${TOOLS_PATH}/bin/busybox`] : []), 'tail', '-f', '/dev/null'],
      HostConfig: {
        Init: true,
        // Unlike a bind by name, a mount is refused when the directory is not there.
        Mounts: [
          { Type: 'bind', Source: this.#workspace(box.id), Target: '/workspace' },
          ...(tools ? [{ Type: 'volume' as const, Source: tools, Target: TOOLS_PATH, ReadOnly: true }] : []),
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

  async #removeContainer(name: string): Promise<void> {
    const container = this.docker.getContainer(name);
    const removed = await ask(tolerate(container.remove({ force: true, v: true }), 404, 409));
    // Somebody else is removing it: it is in use until they are done.
    if (removed === 409) await ask(tolerate(container.wait({ condition: 'removed' }), 404));
  }
}

export const containerName = (id: string) => `dockbox-${id}`;
export const fetchContainerName = (id: string) => `dockbox-fetch-${id}`;
