import type { WebSocket } from 'ws';
import type { Credential } from '../auth/principal.js';
import { CLOSE, close, type Ending } from './close.js';
import { type SessionOptions, serveTerminal } from './session.js';

/** How long clients have to answer a close, or to go on with what they had sent before they heard of it, in ms. */
const CLOSE_TIMEOUT_MS = 2000;

/** How long that may take in all, in ms, and how often it is looked at. */
const CLOSE_LIMIT_MS = 10_000;
const CLOSE_CHECK_MS = 250;

/** A terminal that is served. */
type Session = { ended: Promise<void>; credential: Credential };

/** The terminals that this replica serves. */
export class Terminals {
  readonly #sessions = new Map<WebSocket, Session>();

  /** How many there are, those included that are being cleaned up after. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Serves one client's terminal, to its end. */
  serve(socket: WebSocket, options: SessionOptions): Promise<void> {
    const ended = serveTerminal(socket, options).finally(() => this.#sessions.delete(socket));
    this.#sessions.set(socket, { ended, credential: options.who.credential });
    return ended;
  }

  /** Resolves when those that are served now have ended. */
  async ended(): Promise<void> {
    await Promise.allSettled([...this.#sessions.values()].map(({ ended }) => ended));
  }

  /** Closes all of them, cuts those off that don't answer, and waits until each has been cleaned up after. */
  closeAll(ending: Ending): Promise<void> {
    return this.#close([...this.#sessions].map(([socket, session]) => ({ socket, ...session, ending })));
  }

  /**
   * Closes those whose credentials are no longer good, as {@link closeAll} does, but waits for none of them.
   * @param findEnded tells which of some those are, and why
   */
  async closeEnded(
    findEnded: (credentials: Credential[]) => Promise<Map<Credential, string>>,
  ): Promise<void> {
    const sessions = [...this.#sessions].filter(([, { credential }]) => credential.kind !== 'none');
    if (sessions.length === 0) return;
    const reasons = await findEnded(sessions.map(([, { credential }]) => credential));
    void this.#close(
      sessions.flatMap(([socket, session]) => {
        const reason = reasons.get(session.credential);
        return reason === undefined ? [] : [{ socket, ...session, ending: { code: CLOSE.policy, reason } }];
      }),
    );
  }

  async #close(sessions: (Session & { socket: WebSocket; ending: Ending })[]): Promise<void> {
    await Promise.all(
      sessions.map(async ({ socket, ended, ending }) => {
        // Not `once` of events: a connection that breaks closes as well.
        const closed = new Promise<void>((resolve) => {
          if (socket.readyState === socket.CLOSED) resolve();
          else socket.once('close', () => resolve());
        });
        close(socket, ending);
        const patience = cutOffWhenSilent(socket);
        await closed;
        clearInterval(patience);
        await ended.catch(() => {});
      }),
    );
  }
}

/** What a client had sent before it heard of the close comes first, at the pace of its shell; then its answer. */
function cutOffWhenSilent(socket: WebSocket): NodeJS.Timeout {
  const startedAt = performance.now();
  let heardAt = startedAt;
  socket.on('message', () => {
    heardAt = performance.now();
  });
  return setInterval(() => {
    const now = performance.now();
    if (now - heardAt > CLOSE_TIMEOUT_MS || now - startedAt > CLOSE_LIMIT_MS) socket.terminate();
  }, CLOSE_CHECK_MS);
}
