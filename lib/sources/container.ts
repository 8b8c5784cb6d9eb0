import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type Docker from 'dockerode';
import { ask, KILLED, statusOf, tolerate } from '../docker.js';
import { errors } from '../errors.js';
import { projectRoot } from '../paths.js';
import { ROOT } from '../user.js';
import { whenAborted } from './deadline.js';

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

export type Job = FetchLimits & {
  docker: Docker;
  image: string;
  name: string;
  labels: Record<string, string>;
  /** Absolute directory on the engine's host. */
  workspace: string;
  /** `none`, `bridge`, or `host` to reach the engine's own loopback. */
  network: 'none' | 'bridge' | 'host';
  script: string;
  /** All that the script gets to know: user text comes this way and no other. */
  variables: Record<string, string>;
  input?: AsyncIterable<Buffer> | undefined;
  onOutput: (chunk: Buffer) => void;
  onComplaint: (chunk: Buffer) => void;
  signal: AbortSignal;
};

/**
 * Runs a script in a throw-away container that sees nothing but one workspace, and removes it, whatever happens.
 * @returns the script's exit status
 * @throws what `input` throws; the signal's reason; {@link errors.EngineUnavailable}; {@link errors.ImageUnavailable};
 *   {@link errors.SourceUnavailable} when somebody removes the container
 */
export async function runJob(job: Job): Promise<number> {
  const { docker, signal } = job;
  const created = await ask(tolerate(docker.createContainer(containerOptions(job)), 404));
  if (typeof created === 'number') throw new errors.ImageUnavailable(`The image "${job.image}" is missing.`);
  try {
    return await whenAborted(signal, attend(created, job));
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
    throw new errors.SourceUnavailable('The container that fetched the source was removed: try again.');
  } finally {
    await ask(tolerate(created.remove({ force: true, v: true }), 404, 409));
  }
}

/** Starts the container, feeds it, listens to it until it has nothing more to say, and asks for its status. */
async function attend(
  container: Docker.Container,
  { docker, input, onOutput, onComplaint }: Job,
): Promise<number> {
  const stdin = input !== undefined;
  // Docker calls it a stream of either direction; it is a socket.
  const stream = (await ask(
    container.attach({ stream: true, hijack: true, stdin, stdout: true, stderr: true }),
  )) as unknown as Duplex;
  try {
    const output = new PassThrough().on('data', onOutput);
    const complaints = new PassThrough().on('data', onComplaint);
    docker.modem.demuxStream(stream, output, complaints);
    // A container that has ended reads no more, but its engine would let us wait for ever to write.
    const ended = once(stream, 'end').then(() => stream.destroy());
    await ask(container.start());
    await Promise.all([ended, input && feed(input, stream)]);
    const { StatusCode } = await ask(container.wait());
    if (StatusCode !== KILLED) return StatusCode;
    const { State } = await ask(container.inspect());
    return State.OOMKilled ? OUT_OF_MEMORY : KILLED;
  } finally {
    stream.destroy();
  }
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

function containerOptions(job: Job): Docker.ContainerCreateOptions {
  const { maxBytes, memoryBytes = 2 * 1024 ** 3, cpus = 2, pids = 256 } = job;
  const stdin = job.input !== undefined;
  return {
    name: job.name,
    Image: job.image,
    Labels: job.labels,
    User: ROOT,
    WorkingDir: '/workspace',
    Entrypoint: [],
    Cmd: ['bash', '-c', SUPERVISE, 'supervise', job.script],
    Env: Object.entries({ HOME: '/tmp', LC_ALL: 'C', ...job.variables }).map(
      ([name, value]) => `${name}=${value}`,
    ),
    AttachStdin: stdin,
    OpenStdin: stdin,
    StdinOnce: stdin,
    HostConfig: {
      // Unlike a bind by name, a mount does not make the directory anew when the box was deleted meanwhile.
      Mounts: [{ Type: 'bind', Source: job.workspace, Target: '/workspace' }],
      NetworkMode: job.network,
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
