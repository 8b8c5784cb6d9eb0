import path from 'node:path';
import autoload from '@fastify/autoload';
import Fastify, { type FastifyInstance, type FastifyRequest, type FastifyServerOptions } from 'fastify';
import { readConfig } from './lib/config.js';
import { redact, redactUrl } from './lib/redact.js';

const here = import.meta.dirname;

/**
 * Builds the service: plugins, then routes. It is not listening yet.
 * @param env the configuration's variables
 * @throws when the configuration is wrong or the database can't be reached
 */
export async function buildApp(env: NodeJS.ProcessEnv): Promise<FastifyInstance> {
  const config = readConfig(env);
  const options: FastifyServerOptions = {
    logger: {
      level: config.LOG_LEVEL,
      serializers: { req: describeRequest },
      // Whatever writes a line: it has no secret in it.
      hooks: { streamWrite: redact },
    },
    trustProxy: config.TRUST_PROXY,
    forceCloseConnections: 'idle',
    // Its own 503 has no body of ours, and leaves the socket of a refused WebSocket open: then the server never ends.
    return503OnClosing: false,
    bodyLimit: 64 * 1024,
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
