import fp from 'fastify-plugin';
import { Boxes } from '../lib/boxes/boxes.js';
import { userOf } from '../lib/user.js';

declare module 'fastify' {
  interface FastifyInstance {
    boxes: Boxes;
  }
}

/** The boxes of this deployment, as `app.boxes`. */
export default fp(
  async (app) => {
    const { config, connections, engine, log, pg, quotas, workspaces } = app;
    const boxes = new Boxes({
      pool: pg.pool,
      engine,
      workspaces,
      connections,
      quotas,
      log,
      baseImage: config.BASE_IMAGE,
      allowPrivateSources: config.ALLOW_PRIVATE_SOURCES,
      fetchTimeoutSeconds: config.FETCH_TIMEOUT_SECONDS,
      workspaceMaxBytes: config.WORKSPACE_MAX_BYTES,
      memoryBytes: config.BOX_MEMORY_BYTES,
      cpus: config.BOX_CPUS,
      pids: config.BOX_PIDS,
      user: userOf(config),
      env: process.env,
    });
    app.decorate('boxes', boxes);
    app.addHook('preClose', () => boxes.close());
  },
  { name: 'boxes', dependencies: ['env', 'db', 'engine', 'quotas', 'connections'] },
);
