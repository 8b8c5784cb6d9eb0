import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** Output that may wait for a slow client before its shell is held back, in bytes. */
const HIGH_WATER_BYTES = 1024 * 1024;
const LOW_WATER_BYTES = 256 * 1024;

/**
 * Joins a WebSocket to a shell's stream, raw: frames are keystrokes, output goes out in binary frames. Each side is held
 * back while the other does not keep up, so that what is buffered here has a bound both ways.
 * @returns when either side has ended
 */
export function pipe(socket: WebSocket, stream: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const onOutput = (chunk: Buffer) => {
      socket.send(chunk, { binary: true }, onSent);
      if (socket.bufferedAmount > HIGH_WATER_BYTES) stream.pause();
    };
    const onSent = () => {
      if (stream.isPaused() && socket.bufferedAmount < LOW_WATER_BYTES) stream.resume();
    };
    const onInput = (frame: Buffer) => {
      if (!stream.write(frame)) socket.pause();
    };
    const onDrain = () => socket.resume();
    const onEnd = () => {
      socket.off('message', onInput);
      socket.off('close', onEnd);
      stream.off('data', onOutput);
      resolve();
    };

    socket.on('message', onInput);
    socket.on('close', onEnd);
    stream.on('data', onOutput);
    stream.on('drain', onDrain);
    stream.on('end', onEnd);
    stream.on('close', onEnd);
    // A broken stream closes, too; what the engine has to say about it is asked afterwards.
    stream.on('error', () => {});
    stream.resume();
    socket.resume();
  });
}
