import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import { ask, statusOf } from '../docker.js';
import { containerName } from '../engine.js';
import { errors } from '../errors.js';
import { staysRunning } from './ending.js';
import { HANG_UP, START_SHELL } from './scripts.js';

/** How long a shell may take to start, in ms. */
const START_TIMEOUT_MS = 10_000;

/** Longer than any line with a process id. */
const PID_LINE_BYTES = 32;

/**
 * Docker detaches a stream that sends its detach keys, Ctrl-P Ctrl-Q by default, and so holds back a typed Ctrl-P. There
 * is no way to have none, so these are a sequence that nobody types; only its first key, NUL, waits for the next byte.
 */
const DETACH_KEYS = 'ctrl-@,ctrl-^,ctrl-@,ctrl-_,ctrl-@,ctrl-^,ctrl-@,ctrl-_';

export type Size = { cols: number; rows: number };

type Options = {
  docker: Docker;
  boxId: string;
  /** The directory below the workspace to start in. */
  directory: string | null;
  size: Size;
};

/** A shell in a box, on a TTY of its own: an exec of the engine's, with its raw stream. */
export class Shell {
  readonly execId: string;
  /** Keystrokes in, the terminal's output out, byte for byte. */
  readonly stream: Duplex;
  readonly #docker: Docker;
  readonly #boxId: string;
  readonly #pid: number;

  private constructor(docker: Docker, boxId: string, execId: string, stream: Duplex, pid: number) {
    this.#docker = docker;
    this.#boxId = boxId;
    this.execId = execId;
    this.stream = stream;
    this.#pid = pid;
  }

  /**
   * Starts a shell in a running box.
   * @throws {@link errors.BoxNotReady} when it has been stopped meanwhile;
   *   {@link errors.ImageUnavailable} when its image has no shell; {@link errors.EngineUnavailable}
   */
  static async open({ docker, boxId, directory, size }: Options): Promise<Shell> {
    let stream: Duplex | undefined;
    try {
      const exec = await ask(
        docker.getContainer(containerName(boxId)).exec({
          Cmd: ['sh', '-c', START_SHELL, 'sh', directory ?? '', String(size.cols), String(size.rows)],
          AttachStdin: true,
          AttachStdout: true,
          AttachStderr: true,
          Tty: true,
          DetachKeys: DETACH_KEYS,
          Env: ['TERM=xterm-256color', 'COLORTERM=truecolor'],
        }),
      );
      stream = await ask(
        exec.start({ hijack: true, stdin: true, Tty: true, DetachKeys: DETACH_KEYS } as object),
      );
      const pid = await readPid(stream);
      return new Shell(docker, boxId, exec.id, stream, pid);
    } catch (error) {
      stream?.destroy();
      if (error instanceof errors.EngineUnavailable) throw error;
      if (await staysRunning(docker, boxId)) throw error;
      throw new errors.BoxNotReady('The dockbox was stopped while a shell was being started in it.');
    }
  }

  /**
   * Ends the shell and all that it started in its terminal; Docker does not when the stream is closed. A box that no
   * longer runs has none.
   */
  async hangUp(): Promise<void> {
    this.stream.destroy();
    try {
      const exec = await ask(
        this.#docker.getContainer(containerName(this.#boxId)).exec({
          Cmd: ['sh', '-c', HANG_UP, 'sh', String(this.#pid)],
        }),
      );
      const answer = await ask(exec.start({ Detach: true }));
      // Its connection to the engine is not given back until the answer, which is empty, has been read.
      answer.resume();
    } catch (error) {
      if (statusOf(error) !== 404 && statusOf(error) !== 409) throw error;
    }
  }
}

/**
 * Tells a shell how large its client's window is. One that has ended has no window.
 * @returns whether there was one
 */
export async function resizeExec(docker: Docker, execId: string, { cols, rows }: Size): Promise<boolean> {
  try {
    await ask(docker.getExec(execId).resize({ w: cols, h: rows }));
    return true;
  } catch (error) {
    // The engine says 404, 409 or 500, by its version, of an exec that has ended.
    if (statusOf(error) === undefined) throw error;
    return false;
  }
}

/** Takes the first line, and it alone, from the stream. */
async function readPid(stream: Duplex): Promise<number> {
  let line = Buffer.alloc(0);
  const signal = AbortSignal.timeout(START_TIMEOUT_MS);
  while (!line.includes('\n') && line.length < PID_LINE_BYTES) {
    const chunk = await nextChunk(stream, signal);
    if (chunk === null) break;
    line = Buffer.concat([line, chunk]);
  }
  const end = line.indexOf('\n') + 1;
  const match = /^(\d+)\r?\n$/.exec(line.toString('latin1', 0, end));
  if (!match) {
    throw new errors.ImageUnavailable(
      `The image of this dockbox has no shell: ${line.toString().trim() || 'sh did not start'}`,
    );
  }
  if (end < line.length) stream.unshift(line.subarray(end));
  return Number(match[1]);
}

/** The next bytes of a stream in paused mode, or null at its end. */
function nextChunk(stream: Duplex, signal: AbortSignal): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      const chunk: Buffer | null = stream.read();
      if (chunk === null && !stream.readableEnded && !stream.destroyed) return;
      cleanUp();
      resolve(chunk);
    };
    const fail = () => {
      cleanUp();
      reject(new errors.EngineUnavailable('it did not start a shell in time.'));
    };
    const cleanUp = () => {
      for (const event of ['readable', 'end', 'close', 'error']) stream.off(event, settle);
      signal.removeEventListener('abort', fail);
    };
    for (const event of ['readable', 'end', 'close', 'error']) stream.on(event, settle);
    signal.addEventListener('abort', fail);
    settle();
  });
}
