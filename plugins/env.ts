import fastifyEnv from '@fastify/env';
import fp from 'fastify-plugin';
import { type Config, configOptions } from '../lib/config.js';

declare module 'fastify' {
  interface FastifyInstance {
    config: Config;
  }
}

/** The configuration, as `app.config`. */
export default fp<{ env?: NodeJS.ProcessEnv }>(
  async (app, { env }) => {
    await app.register(fastifyEnv, configOptions(env ?? process.env));
  },
  { name: 'env' },
);
