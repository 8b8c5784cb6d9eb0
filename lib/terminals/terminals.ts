import type { WebSocket } from 'ws';
import { close, type Ending } from './close.js';
import { type SessionOptions, serveTerminal } from './session.js';

/** How long clients have to answer a close, in ms. */
const CLOSE_TIMEOUT_MS = 2000;

/** The terminals that this replica serves. */
export class Terminals {
  readonly #sessions = new Map<WebSocket, Promise<void>>();

  /** How many there are, those included that are being cleaned up after. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Serves one client's terminal, to its end. */
  serve(socket: WebSocket, options: SessionOptions): Promise<void> {
    const session = serveTerminal(socket, options).finally(() => this.#sessions.delete(socket));
    this.#sessions.set(socket, session);
    return session;
  }

  /** Resolves when those that are served now have ended. */
  async ended(): Promise<void> {
    await Promise.allSettled(this.#sessions.values());
  }

  /** Closes all of them, cuts those off that don't answer, and waits until each has been cleaned up after. */
  async closeAll(ending: Ending): Promise<void> {
    const sessions = [...this.#sessions];
    const deadline = setTimeout(() => {
      for (const [socket] of sessions) socket.terminate();
    }, CLOSE_TIMEOUT_MS);
    await Promise.all(
      sessions.map(async ([socket, session]) => {
        // Not `once` of events: a connection that breaks closes as well.
        const closed = new Promise<void>((resolve) => {
          if (socket.readyState === socket.CLOSED) resolve();
          else socket.once('close', () => resolve());
        });
        close(socket, ending);
        await closed;
        await session.catch(() => {});
      }),
    );
    clearTimeout(deadline);
  }
}
