import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { ask, statusOf } from '../docker.js';
import type { Engine, Place } from '../engines/engine.js';
import { errors } from '../errors.js';
import { hangUpCommand, LEAVE_KEYS, type Leader, type Size, shellCommand, type Wish } from './commands.js';
import { staysRunning } from './ending.js';
import { type Greeting, greet, stopped } from './greeting.js';

/** How long a held shell may take to be given what was typed last, in ms. */
const LEAVE_TIMEOUT_MS = 3000;

/**
 * Docker detaches a stream that sends its detach keys, Ctrl-P Ctrl-Q by default, and so holds back a typed Ctrl-P. There
 * is no way to have none, so these are a sequence that nobody types; only its first key, NUL, waits for the next byte.
 */
const DETACH_KEYS = 'ctrl-@,ctrl-^,ctrl-@,ctrl-_,ctrl-@,ctrl-^,ctrl-@,ctrl-_';

type Options = Wish & {
  engine: Engine;
  boxId: string;
  /** Whether the box has tools. */
  tools: boolean;
};

/**
 * A TTY in a box, as an exec of the engine's with its raw stream: of a shell, or of a client to one that is held. When
 * it is hung up a held shell lives on, for whoever connects to it next.
 */
export class Shell {
  /** The container that it runs in. */
  readonly place: Place;
  readonly execId: string;
  /** Keystrokes in, the terminal's output out, byte for byte. */
  readonly stream: Duplex;
  /** What a held shell has shown before, scrolled off the screen that is about to be drawn. */
  readonly history: Buffer;
  /** The process that its TTY was made for. */
  readonly leader: Leader;
  readonly #tools: boolean;
  /** Whether it takes its leave when it is told to by {@link LEAVE_KEYS}. */
  readonly #canLeave: boolean;

  private constructor(
    place: Place,
    { tools, readonly }: Pick<Options, 'tools' | 'readonly'>,
    execId: string,
    stream: Duplex,
    { leader, history, knowsKeys }: Greeting,
  ) {
    this.place = place;
    this.#tools = tools;
    this.#canLeave = knowsKeys && !readonly;
    this.execId = execId;
    this.stream = stream;
    this.history = history;
    this.leader = leader;
  }

  /**
   * Connects to a shell in a running box, which is started unless it is held already.
   * @throws {@link errors.BoxNotReady} when it has been stopped meanwhile;
   *   {@link errors.ImageUnavailable} when its image has no shell; {@link errors.BoxFull};
   *   {@link errors.EngineUnavailable}
   */
  static async open(options: Options): Promise<Shell> {
    const { engine, boxId, tools } = options;
    const place = await engine.place(boxId);
    if (!place) throw stopped();
    let stream: Duplex | undefined;
    try {
      const exec = await ask(
        place.container.exec({
          Cmd: shellCommand(options, tools),
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
      return new Shell(
        place,
        options,
        exec.id,
        stream,
        await greet(stream, tools && options.terminal !== '' ? options.size.rows : undefined),
      );
    } catch (error) {
      stream?.destroy();
      if (error instanceof errors.EngineUnavailable) throw error;
      if (await staysRunning(place)) throw error;
      throw stopped();
    }
  }

  /**
   * Ends all that its TTY has: a plain shell and what it started, or the client of a held one. Docker does not when the
   * stream is closed. A box that no longer runs has none.
   */
  async hangUp(): Promise<void> {
    try {
      if (await this.#leave()) return;
    } catch (error) {
      if (!isGone(error)) throw error;
    } finally {
      this.stream.destroy();
    }
    await hangUp(this.place, this.leader, this.#tools);
  }

  /**
   * Leaves a held shell by what is typed: all that was typed before comes to it first, however much of that is still on its
   * way through the engine. A hang-up would overtake it.
   * @returns whether that has ended the client, and with it all that its TTY had
   */
  async #leave(): Promise<boolean> {
    if (!this.#canLeave || this.stream.destroyed || this.stream.readableEnded) return false;
    const left = new AbortController();
    this.stream.once('end', () => left.abort());
    this.stream.resume().write(LEAVE_KEYS);
    return delay(LEAVE_TIMEOUT_MS, false, { signal: left.signal }).catch(() => true);
  }
}

/** Ends all that a TTY has that was made for this process. A container that no longer runs has none. */
export async function hangUp({ container }: Place, leader: Leader, tools: boolean): Promise<void> {
  try {
    const exec = await ask(container.exec({ Cmd: hangUpCommand(leader, tools) }));
    const answer = await ask(exec.start({ Detach: true }));
    // Its connection to the engine is not given back until the answer, which is empty, has been read.
    answer.resume();
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** Whether the engine says that there is no container, or that it does not run. */
const isGone = (error: unknown) => statusOf(error) === 404 || statusOf(error) === 409;

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
