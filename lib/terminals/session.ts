import type { WebSocket } from 'ws';
import type { Principal } from '../auth/principal.js';
import type { Boxes, Connected } from '../boxes/boxes.js';
import type { ConnectionManager, Lease } from '../connections/manager.js';
import type { Engine } from '../engines/engine.js';
import { errors, forClient } from '../errors.js';
import { publish } from '../events.js';
import type { Log } from '../log.js';
import { CLOSE, close, type Ending } from './close.js';
import type { Size, Wish } from './commands.js';
import { whyEnded, whyStopped } from './ending.js';
import { framingOf } from './framing.js';
import { keepAlive } from './liveness.js';
import { pipe } from './pipe.js';
import { resizeExec, Shell } from './shell.js';

/** Failures that a client mends by connecting again, by their code; the others are the server's. */
const CLOSE_BY_ERROR: Record<string, number> = {
  DBX_NOT_READY: CLOSE.goingAway,
  DBX_NOT_FOUND: CLOSE.goingAway,
  DBX_CREDENTIAL_REVOKED: CLOSE.policy,
  DBX_QUOTA: CLOSE.policy,
  DBX_BUSY: CLOSE.serviceRestart,
  DBX_DATABASE_UNAVAILABLE: CLOSE.serviceRestart,
  DBX_DRAINING: CLOSE.serviceRestart,
  DBX_ENGINE_UNAVAILABLE: CLOSE.tryAgainLater,
  DBX_NO_CAPACITY: CLOSE.tryAgainLater,
};

export type SessionOptions = {
  boxes: Boxes;
  connections: ConnectionManager;
  engine: Engine;
  /** Whose terminal it is. */
  who: Principal;
  /** The box's id or name. */
  id: string;
  wish: Omit<Wish, 'directory' | 'notice'>;
  /** Whether boxes have tools, which hold terminals. */
  tools: boolean;
  pingSeconds: number;
  log: Log;
};

/**
 * Serves one client's terminal from the upgrade to the close: waits for the box, counts the connection, and pipes
 * frames to a shell, its own or one that is held. When it returns, its TTY has been hung up and the connection is counted
 * no more.
 */
export async function serveTerminal(socket: WebSocket, options: SessionOptions): Promise<void> {
  const { boxes, connections, engine, wish, tools, pingSeconds, log } = options;
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  // Frames that arrive before there is a shell wait in the kernel.
  socket.pause();
  const isAlive = keepAlive(socket, pingSeconds);
  let lease: Lease | undefined;
  let shell: Shell | undefined;
  let wantedAt: number | undefined;
  const opened = (outcome: 'open' | 'failed') => {
    if (wantedAt !== undefined) publish('dockbox.connection', { ms: performance.now() - wantedAt, outcome });
    wantedAt = undefined;
  };
  try {
    const early = await whileCreating(socket, gone.signal, options);
    wantedAt = performance.now();
    const connected = await boxes.connect(options.who, options.id, wish.terminal);
    lease = connected.lease;
    const { id: boxId, directory } = connected.box;
    shell = await Shell.open({
      ...wish,
      engine,
      boxId,
      tools,
      directory,
      notice: noticeFor(connected, wish),
    });
    opened('open');
    if (socket.readyState !== socket.OPEN) return;
    const { place, execId, leader, history, stream } = shell;
    const openedAt = performance.now();
    if (history.length > 0) socket.send(framingOf(socket).output(history));
    // One after the other, the client's own wishes last. An image without `stty` has the shell start without a size.
    let resized = resizeExec(place.docker, execId, wish.size);
    const onSize = (size: Size) => {
      const resize = () => resizeExec(place.docker, execId, size);
      resized = resized.then(resize).catch((err: unknown) => {
        log.warn({ err }, 'a terminal was not resized');
        return false;
      });
    };
    const { readonly } = wish;
    // Nothing that the shell does meanwhile needs it: only then it is made known to those who resize it.
    const introduced = resized.then(() =>
      connections.setExec(connected.lease, execId, `${leader.pid} ${leader.began}`),
    );
    await Promise.all([pipe(socket, stream, { readonly, early, onSize }), introduced]);
    if (socket.readyState !== socket.OPEN) return;
    const held = tools && wish.terminal ? wish.terminal : undefined;
    const hasLapsed = () => connections.hasLapsed(connected.lease);
    close(socket, await whyEnded({ engine, place, boxes, boxId, execId, held, openedAt, hasLapsed }));
  } catch (error) {
    opened('failed');
    if (gone.signal.aborted) return;
    close(socket, await whyFailed(error, lease?.boxId, options));
  } finally {
    isAlive.end();
    await shell?.hangUp().catch((err: unknown) => log.warn({ err }, 'a shell could not be ended'));
    if (lease) await connections.release(lease);
  }
}

/**
 * Shows the progress of a box that is being created, until it is ready.
 * @returns the frames that came meanwhile
 * @throws {@link errors.BoxFailed}
 */
async function whileCreating(
  socket: WebSocket,
  signal: AbortSignal,
  { boxes, who, id }: SessionOptions,
): Promise<Buffer[]> {
  const box = await boxes.find(who, id);
  // It may have come to that since the handshake.
  if (box.status === 'failed') throw new errors.BoxFailed(box.error ?? '');
  if (box.status === 'ready') return [];
  const frames = holdFrames(socket);
  const say = (text: string) => socket.send(framingOf(socket).output(Buffer.from(text)));
  const settled = await boxes.settled(box.id, say, signal).finally(frames.end);
  if (settled.status === 'failed') throw new errors.BoxFailed(settled.error ?? '');
  return frames.held;
}

/** How a terminal ends that there is no shell for. @param boxId of the box, once it has been connected to */
async function whyFailed(
  error: unknown,
  boxId: string | undefined,
  { boxes, log }: SessionOptions,
): Promise<Ending> {
  if (error instanceof errors.BoxNotReady && boxId) {
    // Stopped before it had a shell: told in the words for those who had one.
    const stopped = await whyStopped(boxes, boxId).catch((err: unknown) =>
      log.warn({ err }, 'it can not be told why a box was stopped'),
    );
    if (stopped) return stopped;
  }
  const known = forClient(error);
  const code = CLOSE_BY_ERROR[known?.code ?? ''] ?? CLOSE.serverError;
  if (code === CLOSE.serverError) log.error({ err: error }, 'a terminal failed');
  // Docker's words and PostgreSQL's are for the log.
  return { code, reason: known?.message ?? 'Something went wrong here: connect again.' };
}

/** What to tell a person when a shell begins. A held one begins once, and so is the place for what is always true. */
function noticeFor({ box, started }: Connected, { terminal }: SessionOptions['wish']): string {
  const lines = terminal ? [...box.warnings] : [];
  if (started) lines.push('This dockbox had been stopped, and was started again.');
  if (box.overDisk)
    lines.push('It takes more disk than it may: delete some files. It is stopped again if it grows.');
  return lines.join('\n');
}

/** Bytes of frames that are kept while a box is being created; more wait in the kernel. */
const EARLY_BYTES = 64 * 1024;

function holdFrames(socket: WebSocket) {
  const held: Buffer[] = [];
  let bytes = 0;
  const onMessage = (frame: Buffer) => {
    bytes += frame.length;
    held.push(frame);
    if (bytes > EARLY_BYTES) socket.pause();
  };
  socket.on('message', onMessage);
  socket.resume();
  return {
    held,
    end: () => {
      socket.off('message', onMessage);
      socket.pause();
    },
  };
}
