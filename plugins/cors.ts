import fastifyCors from '@fastify/cors';
import fp from 'fastify-plugin';
import { parseOrigins } from '../lib/auth/origins.js';

/** Lets the origins of CORS_ORIGINS call from a browser; none by default. */
export default fp(
  async (app) => {
    const origins = parseOrigins(app.config.CORS_ORIGINS);
    // The answer to a browser's question whether it may ask.
    app.addHook('onRoute', (route) => {
      if (route.method === 'OPTIONS' && route.url === '*')
        route.config = { ...route.config, access: 'public' };
    });
    await app.register(fastifyCors, {
      origin: origins.includes('*') ? '*' : origins,
      methods: ['GET', 'HEAD', 'POST', 'DELETE'],
      exposedHeaders: ['Location', 'Retry-After', 'WWW-Authenticate'],
    });
  },
  { name: 'cors', dependencies: ['env'] },
);
