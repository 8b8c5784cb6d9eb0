import { once } from 'node:events';
import WebSocket from 'ws';
import type { Service } from './client.js';
import type { Scope } from './scope.js';

export type Handshake = {
  /** 101 when it was accepted. */
  status: number;
  /** The error's code, when it was not. */
  code?: string;
  /** The subprotocol that was chosen. */
  protocol?: string;
  socket: WebSocket;
  /** How it is closed once it is. */
  closed: Promise<{ code: number; reason: string }>;
};

type Options = { headers?: Record<string, string>; protocols?: string[] };

/** Tries to open a WebSocket, which may be refused; the end of the test cuts it off. */
export async function handshake(
  t: Scope,
  { base }: Service,
  path: string,
  { headers = {}, protocols = [] }: Options = {},
): Promise<Handshake> {
  const socket = new WebSocket(`${base.replace('http', 'ws')}${path}`, protocols, { headers });
  t.teardown(() => socket.terminate());
  const closed = once(socket, 'close').then(([code, reason]) => ({ code, reason: String(reason) }));
  closed.catch(() => {});
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () => resolve({ status: 101, protocol: socket.protocol, socket, closed }));
    socket.on('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, code: JSON.parse(body).code, socket, closed }),
      );
    });
  });
}
