import type Docker from 'dockerode';
import fp from 'fastify-plugin';
import { connectDocker } from '../lib/docker.js';

declare module 'fastify' {
  interface FastifyInstance {
    docker: Docker;
  }
}

/** The client of the Docker engine, as `app.docker`. It keeps no connection open. */
export default fp(
  async (app) => {
    app.decorate('docker', connectDocker(app.config));
  },
  { name: 'docker', dependencies: ['env'] },
);
