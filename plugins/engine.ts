import fp from 'fastify-plugin';
import { Workspaces } from '../lib/boxes/workspace.js';
import { Engine } from '../lib/engine.js';
import { resolveMountPoint } from '../lib/paths.js';

declare module 'fastify' {
  interface FastifyInstance {
    engine: Engine;
    workspaces: Workspaces;
  }
}

/** What runs the boxes of this deployment, which its database identifies, and where their files are. */
export default fp(
  async (app) => {
    const { config, docker, pg } = app;
    const { rows } = await pg.pool.query<{ id: string }>('select id from deployment');
    const workspaces = new Workspaces(resolveMountPoint(config.MOUNT_POINT), docker, config.BASE_IMAGE);
    app.decorate('workspaces', workspaces);
    app.decorate(
      'engine',
      new Engine({
        docker,
        deployment: rows[0]?.id ?? '',
        limits: {
          memoryBytes: config.BOX_MEMORY_BYTES,
          cpus: config.BOX_CPUS,
          pids: config.BOX_PIDS,
          runtime: config.CONTAINER_RUNTIME,
        },
        workspace: (id) => workspaces.path(id),
      }),
    );
  },
  { name: 'engine', dependencies: ['env', 'db', 'docker'] },
);
