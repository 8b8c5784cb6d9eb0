import http from 'node:http';
import type { Duplex } from 'node:stream';

/** The shell that dockbox would start in the base image. */
export const shell = ['bash'];

const ENV = ['TERM=xterm-256color', 'COLORTERM=truecolor', 'LANG=C.UTF-8'];

/** The Docker engine by its HTTP API alone, for the floor: no library of dockbox's, nor one that dockbox uses. */
export class BareEngine {
  readonly #socketPath: string;

  /** What it was made with. */
  readonly address: string;

  /** @throws when the engine has no unix socket: a network in between would be measured as well */
  constructor(address: string) {
    this.address = address;
    this.#socketPath = address.replace(/^unix:\/\//, '');
    if (!this.#socketPath.startsWith('/')) {
      throw new Error(`The benchmarks need an engine on a unix socket: DOCKER_SERVER_HOST is ${address}.`);
    }
  }

  /** @returns the answer's JSON. @throws for any status but a success or "it is so already" */
  // biome-ignore lint/suspicious/noExplicitAny: the engine's answers are its own.
  async call(method: string, path: string, body?: object): Promise<any> {
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      this.#request(method, path, body).once('response', resolve).once('error', reject).end(json(body));
    });
    let text = '';
    for await (const chunk of response) text += chunk;
    const { statusCode = 0 } = response;
    if (statusCode >= 400) throw new Error(`The engine answers ${statusCode} to ${method} ${path}: ${text}`);
    return text.startsWith('{') ? JSON.parse(text) : text;
  }

  /** Starts a program on a TTY. @returns its stream, byte for byte */
  async exec(container: string, command: string[]): Promise<Duplex> {
    const attach = { AttachStdin: true, AttachStdout: true, AttachStderr: true, Tty: true };
    const { Id } = await this.call('POST', `/containers/${container}/exec`, {
      ...attach,
      Cmd: command,
      Env: ENV,
      WorkingDir: '/workspace',
    });
    const body = { Tty: true };
    return new Promise((resolve, reject) => {
      const request = this.#request('POST', `/exec/${Id}/start`, body);
      request.setHeader('Connection', 'Upgrade').setHeader('Upgrade', 'tcp');
      request.once('error', reject).once('upgrade', (_response, socket, head) => {
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
      });
      request.end(json(body));
    });
  }

  /** The address of a container's terminal, for a WebSocket. */
  attachAddress(container: string): string {
    return `ws+unix://${this.#socketPath}:/containers/${container}/attach/ws?stream=1&stdin=1&stdout=1&stderr=1`;
  }

  async version(): Promise<string> {
    return (await this.call('GET', '/version')).Version;
  }

  #request(method: string, path: string, body?: object): http.ClientRequest {
    const headers = body && {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(json(body)),
    };
    return http.request({ socketPath: this.#socketPath, agent: false, method, path, headers });
  }
}

const json = (body?: object) => (body ? JSON.stringify(body) : '');
