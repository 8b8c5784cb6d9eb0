import type Docker from 'dockerode';
import type { WebSocket } from 'ws';
import type { Boxes } from '../boxes/boxes.js';
import type { ConnectionManager, Lease } from '../connections/manager.js';
import { forClient } from '../errors.js';
import type { Log } from '../log.js';
import { CLOSE, close, notice } from './close.js';
import { whyEnded } from './ending.js';
import { keepAlive } from './liveness.js';
import { pipe } from './pipe.js';
import { resizeExec, Shell, type Size } from './shell.js';

/** Failures that a client mends by connecting again, by their code; the others are the server's. */
const CLOSE_BY_ERROR: Record<string, number> = {
  DBX_NOT_READY: CLOSE.goingAway,
  DBX_NOT_FOUND: CLOSE.goingAway,
  DBX_BUSY: CLOSE.serviceRestart,
  DBX_DATABASE_UNAVAILABLE: CLOSE.serviceRestart,
};

const OUT_OF_TOUCH = { code: CLOSE.serviceRestart, reason: 'This server was out of touch: connect again.' };

export type SessionOptions = {
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
export async function serveTerminal(socket: WebSocket, options: SessionOptions): Promise<void> {
  const { boxes, connections, docker, terminal, size, pingSeconds, log } = options;
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  // Frames that arrive before there is a shell wait in the kernel.
  socket.pause();
  const isAlive = keepAlive(socket, pingSeconds);
  let lease: Lease | undefined;
  let shell: Shell | undefined;
  try {
    let box = await boxes.find(options.id);
    if (box.status === 'creating') {
      socket.resume();
      const early = holdInput(socket);
      const say = (text: string) => socket.send(Buffer.from(text));
      box = await boxes.settled(box.id, say, gone.signal).finally(early.end);
      if (box.status === 'failed')
        return close(socket, { code: CLOSE.serverError, reason: box.error ?? 'It could not be created.' });
      ({ lease, box } = await boxes.connect(box.id, terminal));
      for (const warning of box.warnings) socket.send(notice(warning));
      shell = await Shell.open({ docker, boxId: box.id, directory: box.directory, size });
      for (const chunk of early.chunks) shell.stream.write(chunk);
    } else {
      ({ lease, box } = await boxes.connect(box.id, terminal));
      shell = await Shell.open({ docker, boxId: box.id, directory: box.directory, size });
    }
    if (socket.readyState !== socket.OPEN) return;
    await Promise.all([pipe(socket, shell.stream), introduce(shell.execId, lease, options)]);
    if (socket.readyState !== socket.OPEN) return;
    const ending = await whyEnded({ docker, boxes, boxId: box.id, execId: shell.execId });
    // Others stop the boxes of a replica that they take for dead: its clients are to find another one.
    const lapsed = ending.code !== CLOSE.normal && (await connections.hasLapsed(lease));
    close(socket, lapsed && (await boxes.wanted(box.id)) !== 'deleted' ? OUT_OF_TOUCH : ending);
  } catch (error) {
    if (gone.signal.aborted) return;
    const known = forClient(error);
    const code = CLOSE_BY_ERROR[known?.code ?? ''] ?? CLOSE.serverError;
    if (code === CLOSE.serverError) log.error({ err: error, box: options.id }, 'a terminal failed');
    // Docker's words and PostgreSQL's are for the log.
    close(socket, { code, reason: known?.message ?? 'Something went wrong here: connect again.' });
  } finally {
    isAlive.end();
    await shell?.hangUp().catch((err: unknown) => log.warn({ err }, 'a shell could not be ended'));
    if (lease) await connections.release(lease);
  }
}

/**
 * Makes a new shell's window known: to the engine, because an image without `stty` has the shell start without one, and
 * only then to those who change it. Nothing that the shell does meanwhile needs it.
 */
async function introduce(
  execId: string,
  lease: Lease,
  { docker, connections, size }: SessionOptions,
): Promise<void> {
  await resizeExec(docker, execId, size);
  await connections.setExec(lease, execId);
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
