import type Docker from 'dockerode';
import fp from 'fastify-plugin';
import { connectDocker, disconnectDocker } from '../lib/docker.js';

declare module 'fastify' {
  interface FastifyInstance {
    docker: Docker;
  }
}

/** The client of the Docker engine, as `app.docker`. */
export default fp(
  async (app) => {
    app.decorate('docker', connectDocker(app.config));
    app.addHook('onClose', async () => disconnectDocker(app.docker));
  },
  { name: 'docker', dependencies: ['env'] },
);
