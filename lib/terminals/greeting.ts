import type { Duplex } from 'node:stream';
import { errors } from '../errors.js';
import type { Leader } from './commands.js';

/** How long a shell may take to start, in ms. */
const START_TIMEOUT_MS = 10_000;

/** What a shell, and the runtime that is to start one, say when the box has as many processes as it may. */
const LACK = /can't fork|temporarily unavailable|cannot allocate memory|runtime exec failed/i;

/** What the runtime says of a container that ends just then. */
const ENDS = /not running|has stopped|ttrpc/i;

/** Longer than any line with a process id, or an engine's complaint that is worth repeating. */
const MAX_LINE_BYTES = 256;

/** The most of a history that is taken, in bytes: ten thousand lines of 400. */
const MAX_HISTORY_BYTES = 4_000_000;

/** What a held shell's client says when it has more history rather than the screen. */
const MORE = 1;

export const stopped = () =>
  new errors.BoxNotReady('The dockbox was stopped while a shell was being started in it.');

/** What the command that connects a TTY to a shell says first. */
export type Greeting = {
  leader: Leader;
  history: Buffer;
  /** Whether it is the client of a held shell whose box has tools that know {@link LEAVE_KEYS}. */
  knowsKeys: boolean;
};

/**
 * Takes from the stream what a shell's command says first: which process it is and, of a held one, its history, whose
 * parts are confirmed (images/base/tools/bin/hold). What follows stays in the stream.
 * @param rows of a held shell's screen
 * @throws {@link errors.BoxNotReady} when the box ends meanwhile; {@link errors.BoxFull};
 *   {@link errors.ImageUnavailable} when there is no shell; {@link errors.EngineUnavailable}
 */
export async function greet(stream: Duplex, rows: number | undefined): Promise<Greeting> {
  const signal = AbortSignal.timeout(START_TIMEOUT_MS);
  const line = (await takeUntil(stream, '\n', MAX_LINE_BYTES, signal)).toString('latin1');
  const [, pid, began = '', leaves] = /^(\d+) (\d+)( leaves)?\r?\n$/.exec(line) ?? [];
  if (pid === undefined && ENDS.test(line)) throw stopped();
  if (pid === undefined && LACK.test(line) && !/not found|no such file/i.test(line))
    throw new errors.BoxFull();
  if (pid === undefined) {
    throw new errors.ImageUnavailable(
      `The image of this dockbox has no shell: ${line.trim() || 'sh did not start'}`,
    );
  }
  const greeting = { leader: { pid, began }, knowsKeys: leaves !== undefined };
  if (rows === undefined) return { ...greeting, history: Buffer.alloc(0) };
  let history = Buffer.alloc(0);
  do {
    const part = await takeUntil(stream, '\0', MAX_HISTORY_BYTES - history.length, signal);
    history = Buffer.concat([history, part.subarray(0, -1)]);
    stream.write('\n');
  } while (await isNext(stream, MORE, signal));
  // The screen is about to be drawn over: what is in it is scrolled out first.
  const scroll = history.length > 0 ? '\r\n'.repeat(rows) : '';
  return { ...greeting, history: Buffer.concat([history, Buffer.from(scroll)]) };
}

/** Whether the next byte of a stream is this one, which is taken then. */
async function isNext(stream: Duplex, byte: number, signal: AbortSignal): Promise<boolean> {
  const chunk = await nextChunk(stream, signal);
  if (chunk === null) return false;
  const isIt = chunk[0] === byte;
  const rest = isIt ? chunk.subarray(1) : chunk;
  if (rest.length > 0) stream.unshift(rest);
  return isIt;
}

/** Takes bytes from a stream up to a last one, and not more than `maxBytes` of them; fewer when it ends. */
async function takeUntil(
  stream: Duplex,
  last: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for (;;) {
    const chunk = await nextChunk(stream, signal);
    if (chunk === null) return Buffer.concat(chunks);
    const end = Math.min(chunk.indexOf(last) + 1 || chunk.length, maxBytes - bytes);
    chunks.push(chunk.subarray(0, end));
    bytes += end;
    if (end < chunk.length) stream.unshift(chunk.subarray(end));
    if (chunk[end - 1] === last.charCodeAt(0) || bytes === maxBytes) return Buffer.concat(chunks);
  }
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
