import { once } from 'node:events';
import WebSocket from 'ws';
import type { Scope } from './scope.js';

/** A service to talk to: its address, such as `http://127.0.0.1:40123`. */
export type Service = { base: string };

export type Answer = {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: the tests say what they expect of it.
  body: any;
};

/** Calls the API as any HTTP client would. @returns the answer, its JSON parsed */
export async function call(
  { base }: Service,
  method: string,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${base}${path}`, {
    method,
    headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : undefined };
}

/** Polls a box until it is as wanted; the test's own time limit ends a wait in vain. */
export async function until(service: Service, id: string, wanted: (box: Answer) => boolean): Promise<Answer> {
  for (;;) {
    const answer = await call(service, 'GET', `/v1/dockbox/${id}`);
    if (wanted(answer)) return answer;
  }
}

/** A client that is connected to a box's terminal. */
export class TerminalClient {
  readonly socket: WebSocket;
  /** The close code and its reason, once closed. */
  readonly closed: Promise<{ code: number; reason: string }>;
  #chunks: Buffer[] = [];

  constructor(socket: WebSocket) {
    this.socket = socket;
    this.closed = once(socket, 'close').then(([code, reason]) => ({ code, reason: String(reason) }));
    this.closed.catch(() => {});
    socket.on('message', (data: Buffer) => this.#chunks.push(data));
  }

  /** All that the terminal has shown since it was connected, or since {@link forget}. */
  get output(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** Drops what was shown. */
  forget(): void {
    this.#chunks = [];
  }

  type(keys: string | Buffer): void {
    this.socket.send(keys);
  }

  /** Waits until the terminal has shown what the pattern matches, on one line. @returns all that it has shown */
  async shows(pattern: RegExp): Promise<string> {
    let text = this.output.toString('latin1');
    if (!pattern.test(text)) {
      await this.#watch((chunk) => {
        // Only what is new, with the line that it goes on with: output can be long.
        text = text.slice(text.lastIndexOf('\n') + 1) + chunk.toString('latin1');
        return pattern.test(text);
      });
    }
    return this.output.toString('latin1');
  }

  /** Waits until the terminal has shown this many bytes. @returns all that it has shown */
  async showsBytes(count: number): Promise<Buffer> {
    let shown = this.output.length;
    if (shown < count) {
      await this.#watch((chunk) => {
        shown += chunk.length;
        return shown >= count;
      });
    }
    return this.output;
  }

  /** Waits for the chunk that `isLast` says is the one. */
  #watch(isLast: (chunk: Buffer) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const onMessage = (chunk: Buffer) => {
        if (!isLast(chunk)) return;
        this.socket.off('message', onMessage);
        resolve();
      };
      this.socket.on('message', onMessage);
      void this.closed.then(({ code, reason }) => {
        const shown = this.output.subarray(-500).toString();
        reject(new Error(`The terminal closed with ${code} (${reason}) after it had shown: ${shown}`));
      }, reject);
    });
  }
}

/**
 * Connects a client to a box, to a shell of its own unless the query says otherwise: it shows the shell's very bytes. The
 * end of the test cuts it off.
 * @param query such as `?terminal=&cols=80`
 * @throws when the handshake is refused, with its status in the message
 */
export async function connect(
  t: Scope,
  { base }: Service,
  id: string,
  query = '?terminal=',
): Promise<TerminalClient> {
  const socket = new WebSocket(`${base.replace('http', 'ws')}/v1/dockbox/ws/${id}${query}`);
  t.teardown(() => socket.terminate());
  // Listens from the start: what is shown at once is not missed.
  const client = new TerminalClient(socket);
  await once(socket, 'open');
  return client;
}
