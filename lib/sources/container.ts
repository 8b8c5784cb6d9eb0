import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type Docker from 'dockerode';
import { ask, found, KILLED, statusOf, tolerate } from '../docker.js';
import { errors } from '../errors.js';
import { projectRoot } from '../paths.js';
import { giveToContainers } from '../remapping.js';
import { ROOT } from '../user.js';

const script = (name: string) =>
  readFileSync(path.join(projectRoot, 'lib', 'sources', 'scripts', `${name}.sh`), 'utf8');
const SUPERVISE = script('supervise');
export const SCRIPTS = { git: script('git'), archive: script('archive') };

/** Root without its powers over the machine, but with those that it needs over files, whoever owns the workspace. */
const CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER'];

/** The status of a script that the kernel ended for want of memory. */
export const OUT_OF_MEMORY = 256 + KILLED;

/** What a fetch may use. */
export type FetchLimits = {
  timeoutSeconds: number;
  /** Of the workspace, with what is in it only while fetching. */
  maxBytes: number;
  memoryBytes?: number | undefined;
  cpus?: number | undefined;
  pids?: number | undefined;
};

/** What a container of a fetch is made of, which anybody may know who asks its engine. */
export type ContainerSpec = Omit<FetchLimits, 'timeoutSeconds'> & {
  docker: Docker;
  image: string;
  name: string;
  labels: Record<string, string>;
  /** Absolute directory on the engine's host. */
  workspace: string;
  /** `none`, `bridge`, or `host` to reach the engine's own loopback. */
  network: 'none' | 'bridge' | 'host';
  script: string;
};

export type Job = {
  /** All that the script gets to know: user text comes this way and no other. */
  variables: Record<string, string>;
  input?: AsyncIterable<Buffer> | undefined;
  /** @returns whether this was all: then the end of the container is not waited for */
  onOutput: (chunk: Buffer) => boolean;
  onComplaint: (chunk: Buffer) => void;
};

/**
 * A throw-away container that sees nothing but one workspace, and waits on its standard input for what it is to fetch: once.
 * It may be started before that is known.
 */
export class FetchContainer {
  readonly #spec: ContainerSpec;
  readonly #container: Docker.Container;
  #stream: Duplex | undefined;

  private constructor(spec: ContainerSpec, container: Docker.Container) {
    this.#spec = spec;
    this.#container = container;
  }

  /**
   * Starts one, for a workspace that is there.
   * @throws {@link errors.ImageUnavailable}, {@link errors.EngineUnavailable}
   */
  static async start(spec: ContainerSpec): Promise<FetchContainer> {
    const { docker } = spec;
    await giveToContainers(docker, spec.workspace);
    const created = await ask(tolerate(docker.createContainer(containerOptions(spec)), 404));
    if (typeof created === 'number')
      throw new errors.ImageUnavailable(`The image "${spec.image}" is missing.`);
    const container = new FetchContainer(spec, created);
    try {
      await ask(created.start());
    } catch (error) {
      await container.remove();
      throw error;
    }
    return container;
  }

  /** The engine that has it. */
  get docker(): Docker {
    return this.#spec.docker;
  }

  /** Whether it can do a job of this kind. */
  suits({ network, script }: Pick<ContainerSpec, 'network' | 'script'>): boolean {
    return this.#spec.network === network && this.#spec.script === script;
  }

  /** Gets hold of its standard streams. @returns false when it has ended meanwhile, or somebody has removed it */
  async open(): Promise<boolean> {
    // Docker calls it a stream of either direction; it is a socket.
    const stream = (await ask(
      found(this.#container.attach({ stream: true, hijack: true, stdin: true, stdout: true, stderr: true })),
    )) as Duplex | undefined;
    // Whoever attaches to one that has ended would wait for it to be started. Asked now: from here on its end shows.
    const inspected = stream && (await ask(found(this.#container.inspect())));
    if (inspected?.State.Running) this.#stream = stream;
    else stream?.destroy();
    return this.#stream !== undefined;
  }

  /**
   * Has it do its job, after {@link open}.
   * @returns the script's exit status
   * @throws what `input` throws; {@link errors.EngineUnavailable}; {@link errors.SourceUnavailable} when somebody removes
   *   the container
   */
  async run(job: Job): Promise<number> {
    const stream = this.#stream;
    if (!stream) throw new Error('The container was not opened.');
    try {
      return await new Promise<number>((resolve, reject) => {
        const output = new PassThrough().on('data', (chunk) => job.onOutput(chunk) && resolve(0));
        const complaints = new PassThrough().on('data', job.onComplaint);
        this.docker.modem.demuxStream(stream, output, complaints);
        // A container that has ended reads no more, but its engine would let us wait for ever to write.
        const ended = once(stream, 'end').then(() => stream.destroy());
        Promise.all([ended, feed(inputOf(job), stream)])
          .then(() => this.#status())
          .then(resolve, reject);
      });
    } catch (error) {
      throw statusOf(error) === 404 ? removedMeanwhile() : error;
    } finally {
      stream.destroy();
    }
  }

  async remove(): Promise<void> {
    this.#stream?.destroy();
    await ask(tolerate(this.#container.remove({ force: true, v: true }), 404, 409));
  }

  async #status(): Promise<number> {
    const { StatusCode } = await ask(this.#container.wait());
    if (StatusCode !== KILLED) return StatusCode;
    const { State } = await ask(this.#container.inspect());
    return State.OOMKilled ? OUT_OF_MEMORY : KILLED;
  }
}

export const removedMeanwhile = () =>
  new errors.SourceUnavailable('The container that fetched the source was removed: try again.');

/** The variables, each ended by a NUL, an empty one, and the job's own input: see supervise.sh. */
async function* inputOf({ variables, input }: Job): AsyncGenerator<Buffer> {
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  // One in a value, such as the name of a branch that a server makes up, would begin a variable of its own.
  if (lines.some((line) => line.includes('\0'))) {
    throw new errors.SourceUnavailable('The source has a name with a NUL in it.');
  }
  yield Buffer.from([...lines, '', ''].join('\0'));
  if (input) yield* input;
}

/** Only what goes wrong with the input counts: a container that reads no further says why by its status. */
async function feed(input: AsyncIterable<Buffer>, stream: Duplex): Promise<void> {
  let cause: unknown;
  const source = Readable.from(
    (async function* () {
      try {
        yield* input;
      } catch (error) {
        cause = error;
        throw error;
      }
    })(),
  );
  try {
    await pipeline(source, stream as NodeJS.WritableStream);
  } catch {
    if (cause) throw cause;
  }
}

function containerOptions(spec: ContainerSpec): Docker.ContainerCreateOptions {
  const { maxBytes, memoryBytes = 2 * 1024 ** 3, cpus = 2, pids = 256 } = spec;
  return {
    name: spec.name,
    Image: spec.image,
    Labels: spec.labels,
    User: ROOT,
    WorkingDir: '/workspace',
    Entrypoint: [],
    Cmd: ['bash', '-c', SUPERVISE, 'supervise', spec.script],
    Env: ['HOME=/tmp', 'LC_ALL=C'],
    AttachStdin: true,
    OpenStdin: true,
    StdinOnce: true,
    HostConfig: {
      // Unlike a bind by name, a mount does not make the directory anew when the box was deleted meanwhile.
      Mounts: [{ Type: 'bind', Source: spec.workspace, Target: '/workspace' }],
      NetworkMode: spec.network,
      CapDrop: ['ALL'],
      CapAdd: CAPABILITIES,
      SecurityOpt: ['no-new-privileges'],
      ReadonlyRootfs: true,
      Tmpfs: { '/tmp': 'rw,noexec,nosuid,nodev,size=64m' },
      Memory: memoryBytes,
      MemorySwap: memoryBytes,
      NanoCpus: Math.round(cpus * 1e9),
      PidsLimit: pids,
      Ulimits: [{ Name: 'fsize', Soft: maxBytes, Hard: maxBytes }],
      LogConfig: { Type: 'none', Config: {} },
    },
  };
}
