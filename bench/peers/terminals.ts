import { once } from 'node:events';
import http from 'node:http';
import { createRequire } from 'node:module';
import type { Terminal } from '../terminal.js';

/** What of a socket.io client is used here. */
type Socket = {
  on(event: string, listener: (...args: never[]) => void): void;
  emit(event: string, ...args: unknown[]): void;
  disconnect(): void;
  io: { engine: { transport: { ws: { _socket: { pause(): void; resume(): void } } } } };
};

/** A terminal by way of wetty: socket.io, whose events are `input`, `data` and `commit` (its `server/spawn.js`). */
export class WettyTerminal implements Terminal {
  onOutput: (chunk: Buffer) => void = () => {};
  readonly #socket: Socket;

  /** @param prefix of wetty's installation, which has a client for it */
  constructor(base: string, prefix: string) {
    const { io } = createRequire(`${prefix}/`)('socket.io-client') as {
      io: (url: string, options: object) => Socket;
    };
    this.#socket = io(base, { path: '/wetty/socket.io', transports: ['websocket'], reconnection: false });
    this.#socket.on('data', (text: string) => {
      // Without it wetty stops after 2 MB.
      this.#socket.emit('commit', text.length);
      this.onOutput(Buffer.from(text));
    });
  }

  write(data: Buffer | string): boolean {
    this.#socket.emit('input', data.toString());
    return true;
  }

  async drained(): Promise<void> {}

  pause(): void {
    this.#socket.io.engine.transport.ws._socket.pause();
  }

  resume(): void {
    this.#socket.io.engine.transport.ws._socket.resume();
  }

  close(): void {
    this.#socket.disconnect();
  }
}

const SIZE = 'width=80&height=24';

/** A terminal by way of shellinabox: a request that waits for output, and one for each batch of keys (its `shell_in_a_box.js`). */
export class ShellinaboxTerminal implements Terminal {
  onOutput: (chunk: Buffer) => void = () => {};
  readonly #base: string;
  readonly #agent = new http.Agent({ keepAlive: true });
  #session = '';
  #keys = Promise.resolve();
  #open = true;

  constructor(base: string) {
    this.#base = base;
    void this.#poll();
  }

  write(data: Buffer | string): boolean {
    const keys = Buffer.from(data).toString('hex');
    this.#keys = this.#keys.then(async () => {
      await this.#post(`${SIZE}&session=${this.#session}&keys=${keys}`).catch(() => {});
    });
    return false;
  }

  drained(): Promise<void> {
    return this.#keys;
  }

  // Whoever does not poll is not sent anything.
  pause(): void {}
  resume(): void {}

  close(): void {
    this.#open = false;
    this.#agent.destroy();
  }

  async #poll(): Promise<void> {
    while (this.#open) {
      const subject = this.#session ? `session=${this.#session}` : `rooturl=${this.#base}/`;
      const text = await this.#post(`${SIZE}&${subject}`).catch(() => '{}');
      const { session, data } = JSON.parse(text) as { session?: string; data?: string };
      this.#session ||= session ?? '';
      if (data) this.onOutput(Buffer.from(data, 'latin1'));
    }
  }

  async #post(body: string): Promise<string> {
    const headers = {
      'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8',
      'Content-Length': body.length,
    };
    const request = http.request(`${this.#base}/?`, { method: 'POST', agent: this.#agent, headers });
    request.end(body);
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) text += chunk;
    return text;
  }
}
