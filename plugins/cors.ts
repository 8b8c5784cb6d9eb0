import fastifyCors from '@fastify/cors';
import fp from 'fastify-plugin';

/** Lets the origins of CORS_ORIGINS call from a browser; none by default. */
export default fp(
  async (app) => {
    const origins = app.config.CORS_ORIGINS.split(',')
      .map((origin) => origin.trim())
      .filter(Boolean);
    await app.register(fastifyCors, {
      origin: origins.includes('*') ? '*' : origins,
      methods: ['GET', 'HEAD', 'POST', 'DELETE'],
      exposedHeaders: ['Location'],
    });
  },
  { name: 'cors', dependencies: ['env'] },
);
