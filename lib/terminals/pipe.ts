import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Size } from './commands.js';
import { framingOf } from './framing.js';
import { Gather } from './gather.js';

/** Output that may wait for a slow client before its shell is held back, in bytes. */
const HIGH_WATER_BYTES = 1024 * 1024;
const LOW_WATER_BYTES = 256 * 1024;

type Options = {
  /** Whether what the client types is left out. */
  readonly: boolean;
  /** Frames that have come already. */
  early: Buffer[];
  /** Gets the size of the client's window, when the framing tells it. */
  onSize: (size: Size) => void;
};

/**
 * Joins a WebSocket to a shell's stream. Each side is held back while the other does not keep up, so that what is
 * buffered here has a bound both ways.
 * @returns when either side has ended
 */
export function pipe(socket: WebSocket, stream: Duplex, { readonly, early, onSize }: Options): Promise<void> {
  const framing = framingOf(socket);
  return new Promise((resolve) => {
    const gather = new Gather((output) => {
      socket.send(framing.output(output), { binary: true }, onSent);
      if (socket.bufferedAmount > HIGH_WATER_BYTES) stream.pause();
    });
    const onOutput = (chunk: Buffer) => gather.push(chunk);
    const onSent = () => {
      if (stream.isPaused() && socket.bufferedAmount < LOW_WATER_BYTES) stream.resume();
    };
    const onInput = (frame: Buffer) => {
      const input = framing.input(frame);
      if (!input) return;
      if ('size' in input) return onSize(input.size);
      if (readonly) return;
      gather.typed();
      if (!stream.write(input.keys)) socket.pause();
    };
    const onDrain = () => socket.resume();
    const onEnd = () => {
      socket.off('message', onInput);
      socket.off('close', onEnd);
      stream.off('data', onOutput);
      gather.flush();
      resolve();
    };

    for (const frame of early) onInput(frame);
    socket.on('message', onInput);
    socket.on('close', onEnd);
    stream.on('data', onOutput);
    stream.on('drain', onDrain);
    stream.on('end', onEnd);
    stream.on('close', onEnd);
    // A broken stream closes, too; what the engine has to say about it is asked afterwards.
    stream.on('error', () => {});
    stream.resume();
    if (!stream.writableNeedDrain) socket.resume();
  });
}
