import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { ask } from '../docker.js';
import type { Place } from '../engines/engine.js';

/** The most that is read of what a command prints, in bytes. */
const MAX_OUTPUT_BYTES = 256 * 1024;

/**
 * Runs a command in a running box to its end.
 * @param user a user's and a group's id; the box's own unless given
 * @returns its exit status and what it printed, cut off where that is too long
 * @throws {@link errors.EngineUnavailable}; the engine's own refusal, with its status, when the box does not run
 */
export async function runInBox(
  { docker, container }: Place,
  command: string[],
  user?: string,
): Promise<{ status: number | null; output: string }> {
  const exec = await ask(container.exec({ Cmd: command, AttachStdout: true, ...(user && { User: user }) }));
  const stream = await ask(exec.start({}));
  const chunks: Buffer[] = [];
  let bytes = 0;
  const output = new PassThrough().on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= MAX_OUTPUT_BYTES) chunks.push(chunk);
  });
  docker.modem.demuxStream(stream, output, output);
  try {
    await ask(once(stream, 'end'));
  } finally {
    // One that does not end, as a box can have it, would keep its connection to the engine.
    stream.destroy();
  }
  const { ExitCode } = await ask(exec.inspect());
  return { status: ExitCode, output: Buffer.concat(chunks).toString() };
}
