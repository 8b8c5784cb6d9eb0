import type Docker from 'dockerode';
import type { WebSocket } from 'ws';
import type { Boxes } from '../boxes/boxes.js';
import type { ConnectionManager, Lease } from '../connections/manager.js';
import type { Log } from '../log.js';
import { keepAlive } from './liveness.js';
import { pipe } from './pipe.js';
import { Shell, type Size } from './shell.js';

/** WebSocket close codes (RFC 6455 section 7.4.1, and IANA's registry for 1012). */
export const CLOSE = { normal: 1000, goingAway: 1001, serverError: 1011, serviceRestart: 1012 } as const;

/** RFC 6455 section 5.5: a control frame holds 125 bytes, of which a close frame's code takes two. */
const MAX_REASON_BYTES = 123;

const ENDINGS = {
  exited: [CLOSE.normal, 'The shell exited.'],
  stopped: [CLOSE.goingAway, 'The dockbox was stopped: connect again to start it.'],
  deleted: [CLOSE.goingAway, 'The dockbox was deleted.'],
} as const;

/** Failures that a client mends by connecting again, by their code; the others are the server's. */
const CLOSE_BY_ERROR: Record<string, number> = {
  DBX_NOT_READY: CLOSE.goingAway,
  DBX_NOT_FOUND: CLOSE.goingAway,
};

type Options = {
  boxes: Boxes;
  connections: ConnectionManager;
  docker: Docker;
  /** The box's id or name. */
  id: string;
  terminal: string;
  size: Size;
  pingSeconds: number;
  log: Log;
};

/**
 * Serves one client's terminal from the upgrade to the close: waits for the box, counts the connection, and pipes
 * frames to a shell of its own. When it returns, the shell has been hung up and the connection is counted no more.
 */
export async function serveTerminal(socket: WebSocket, options: Options): Promise<void> {
  const { boxes, connections, docker, terminal, size, pingSeconds, log } = options;
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  // Frames that arrive before there is a shell wait in the kernel.
  socket.pause();
  const isAlive = keepAlive(socket, pingSeconds);
  let lease: Lease | undefined;
  let shell: Shell | undefined;
  try {
    let box = await boxes.get(options.id);
    if (box.status === 'creating') {
      socket.resume();
      const early = holdInput(socket);
      const say = (text: string) => socket.send(Buffer.from(text));
      box = await boxes.settled(box.id, say, gone.signal).finally(early.end);
      if (box.status === 'failed')
        return close(socket, CLOSE.serverError, box.error ?? 'It could not be created.');
      ({ lease, box } = await boxes.connect(box.id, terminal));
      for (const warning of box.warnings) say(`\x1b[33m${warning}\x1b[0m\r\n`);
      shell = await Shell.open({ docker, boxId: box.id, directory: box.directory, size });
      for (const chunk of early.chunks) shell.stream.write(chunk);
    } else {
      ({ lease, box } = await boxes.connect(box.id, terminal));
      shell = await Shell.open({ docker, boxId: box.id, directory: box.directory, size });
    }
    await connections.setExec(lease, shell.execId);
    if (socket.readyState !== socket.OPEN) return;
    await pipe(socket, shell.stream);
    if (socket.readyState !== socket.OPEN) return;
    const ending = await shell.ending();
    const deleted = ending === 'stopped' && (await boxes.isDeleted(box.id));
    const [code, reason] = ENDINGS[deleted ? 'deleted' : ending];
    close(socket, code, reason);
  } catch (error) {
    if (gone.signal.aborted) return;
    const { code = '', message } = error as Error & { code?: string };
    const closeCode = CLOSE_BY_ERROR[code] ?? CLOSE.serverError;
    if (closeCode === CLOSE.serverError) log.error({ err: error, box: options.id }, 'a terminal failed');
    // Docker's words and PostgreSQL's are for the log.
    close(socket, closeCode, code.startsWith('DBX_') ? message : 'Something went wrong here: connect again.');
  } finally {
    isAlive.end();
    await shell?.hangUp().catch((err: unknown) => log.warn({ err }, 'a shell could not be ended'));
    if (lease) await connections.release(lease);
  }
}

/** Closes with a reason, cut to what a close frame holds. */
function close(socket: WebSocket, code: number, reason: string): void {
  socket.resume();
  const cut = Buffer.from(reason)
    .subarray(0, MAX_REASON_BYTES)
    .toString()
    .replace(/\ufffd+$/, '');
  socket.close(code, cut);
}

/** Bytes typed while the box is being created that are kept for its shell. */
const EARLY_INPUT_BYTES = 64 * 1024;

function holdInput(socket: WebSocket) {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const onMessage = (data: Buffer) => {
    bytes += data.length;
    chunks.push(data);
    if (bytes > EARLY_INPUT_BYTES) socket.pause();
  };
  socket.on('message', onMessage);
  return {
    chunks,
    end: () => {
      socket.off('message', onMessage);
      socket.pause();
    },
  };
}
