import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Scope } from './scope.js';

export type Handler = http.RequestListener;

export type HttpServer = {
  /** Such as `http://127.0.0.1:40123`. */
  url: string;
  port: number;
  /** What was asked for, in order: method and path. */
  requests: string[];
};

type Options = { host?: string; tls?: { key: string; cert: string } };

/** An HTTP server on a free port that closes, and drops its connections, when the test ends. */
export async function startHttpServer(
  t: Scope,
  handler: Handler,
  options: Options = {},
): Promise<HttpServer> {
  const { host = '127.0.0.1', tls } = options;
  const requests: string[] = [];
  const listener: Handler = (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    handler(request, response);
  };
  const server = tls ? https.createServer(tls, listener) : http.createServer(listener);
  server.listen(0, host);
  await once(server, 'listening');
  t.teardown(async () => {
    server.close();
    server.closeAllConnections();
    if (server.listening) await once(server, 'close');
  });
  const { port } = server.address() as AddressInfo;
  return { url: `${tls ? 'https' : 'http'}://${host}:${port}`, port, requests };
}

/** Answers each path with its body or its own handler, and all others with 404. */
export function serve(bodies: Record<string, Buffer | string | Handler>): Handler {
  return (request, response) => {
    const body = bodies[new URL(request.url ?? '/', 'http://localhost').pathname];
    if (body === undefined) response.writeHead(404).end();
    else if (typeof body === 'function') body(request, response);
    else response.end(body);
  };
}

/** Answers with a body who has the right `Authorization` header, and all others with 401. */
export function onlyFor(authorization: string, body: Buffer | string): Handler {
  return ({ headers }, response) => {
    if (headers.authorization === authorization) response.end(body);
    else response.writeHead(401).end();
  };
}

/** Sends every request on. */
export function redirectTo(location: string | ((path: string) => string)): Handler {
  return (request, response) => {
    const target = typeof location === 'string' ? location : location(request.url ?? '/');
    response.writeHead(302, { Location: target }).end();
  };
}

/** Sends `chunk` again and again, as fast as it is read. */
export function endless(chunk: Buffer = Buffer.alloc(64 * 1024)): Handler {
  return (_request, response) => {
    const send = () => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on('drain', send);
    send();
  };
}

/** Takes requests and answers none. */
export const neverAnswer: Handler = () => {};
