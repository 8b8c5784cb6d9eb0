import type { Server } from 'node:http';
import path from 'node:path';
import autoload from '@fastify/autoload';
import Fastify, { type FastifyHttpOptions, type FastifyInstance, type FastifyRequest } from 'fastify';
import { readConfig } from './lib/config.js';
import { trustedProxies } from './lib/proxies.js';
import { redact, redactUrl } from './lib/redact.js';

const here = import.meta.dirname;

/** How long a client may take to send a request's head, and all of it, in ms. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 20_000;
/** How often it is looked who took longer, in ms. */
const CHECKING_MS = 5000;
/** How large a request's head may be, its address included, in bytes. */
const MAX_HEADER_BYTES = 16 * 1024;

/**
 * Builds the service: plugins, then routes. It is not listening yet.
 * @param env the configuration's variables
 * @throws when the configuration is wrong or the database can't be reached
 */
export async function buildApp(env: NodeJS.ProcessEnv): Promise<FastifyInstance> {
  const config = readConfig(env);
  const options: FastifyHttpOptions<Server> = {
    logger: {
      level: config.LOG_LEVEL,
      serializers: { req: describeRequest },
      // Whatever writes a line: it has no secret in it.
      hooks: { streamWrite: redact },
    },
    trustProxy: trustedProxies(config.TRUST_PROXY),
    forceCloseConnections: 'idle',
    // Its own 503 has no body of ours, and leaves the socket of a refused WebSocket open: then the server never ends.
    return503OnClosing: false,
    bodyLimit: 64 * 1024,
    // The schemas say how long a parameter may be, and in our own words.
    routerOptions: { maxParamLength: MAX_HEADER_BYTES },
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      connectionsCheckingInterval: CHECKING_MS,
    },
    // Whatever is opened or closed has a time limit of its own. This one throws where nobody can catch it: a close that
    // waits for the engine longer than that would end the process in the middle.
    pluginTimeout: 0,
  };
  const app = Fastify(options);
  try {
    await app.register(autoload, { dir: path.join(here, 'plugins'), options: { env } });
    await app.register(autoload, { dir: path.join(here, 'routes') });
    await app.ready();
    return app;
  } catch (error) {
    // What was opened before it failed would keep the process alive; how that ends is not what went wrong.
    await app.close().catch(() => {});
    throw error;
  }
}

/** What the log says of a request: what Fastify itself does, but for a ticket in its address. */
function describeRequest({ method, url, host, ip, socket }: FastifyRequest) {
  return { method, url: redactUrl(url), host, remoteAddress: ip, remotePort: socket?.remotePort };
}
