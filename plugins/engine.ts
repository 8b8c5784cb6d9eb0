import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { detectQuota } from '../lib/boxes/quota.js';
import { Workspaces } from '../lib/boxes/workspace.js';
import type { Engine } from '../lib/engines/engine.js';
import { SingleEngine } from '../lib/engines/single.js';
import { SwarmEngine } from '../lib/engines/swarm/swarm.js';
import { errors } from '../lib/errors.js';
import type { Log } from '../lib/log.js';
import { resolveMountPoint } from '../lib/paths.js';
import { checkRuntime } from '../lib/runtime.js';
import { Tools } from '../lib/tools.js';
import { userOf } from '../lib/user.js';

declare module 'fastify' {
  interface FastifyInstance {
    engine: Engine;
    /** Whether boxes have tools, which hold their terminals. */
    tools: boolean;
    workspaces: Workspaces;
  }
}

/** What runs the boxes of this deployment, which its database identifies, and where their files are. */
export default fp(
  async (app) => {
    const { config, docker, nodes, pg } = app;
    const { rows } = await pg.pool.query<{ id: string }>('select id from deployment');
    const root = resolveMountPoint(config.MOUNT_POINT);
    const quota = await detectQuota(root, config.BOX_DISK_BYTES);
    const workspaces = new Workspaces(root, () => app.engine.worker(), config.BASE_IMAGE, quota);
    app.decorate('workspaces', workspaces);
    const options = {
      docker,
      deployment: rows[0]?.id ?? '',
      limits: {
        memoryBytes: config.BOX_MEMORY_BYTES,
        cpus: config.BOX_CPUS,
        pids: config.BOX_PIDS,
        runtime: config.CONTAINER_RUNTIME,
        user: userOf(config),
      },
      workspace: (id: string) => workspaces.path(id),
    };
    if (nodes) {
      // While none is ready they are taken to have the base image that they will have.
      app.decorate('tools', nodes.ready().length === 0 || nodes.tools !== undefined);
      const { BOX_RESERVED_MEMORY_BYTES: memoryBytes, BOX_RESERVED_CPUS: cpus, FENCE_SECONDS } = config;
      const closing = new AbortController();
      const engine = new SwarmEngine({
        ...{ ...options, nodes, mountPoint: root },
        reservations: { memoryBytes, cpus },
        fenceSeconds: FENCE_SECONDS,
        closing: closing.signal,
      });
      app.decorate('engine', engine);
      app.addHook('preClose', async () => closing.abort(new errors.Draining()));
    } else {
      const tools = new Tools(docker, config.BASE_IMAGE);
      app.decorate('tools', await hasTools(tools, app.log));
      if (config.CONTAINER_RUNTIME) await checkRuntimeOf(config.CONTAINER_RUNTIME, app);
      app.decorate('engine', new SingleEngine({ ...options, tools }));
    }
  },
  { name: 'engine', dependencies: ['env', 'db', 'docker', 'nodes'] },
);

/** An engine that is away now is taken to have the base image that it had when the service was set up: it has tools. */
async function hasTools(tools: Tools, log: Log): Promise<boolean> {
  try {
    const volume = await tools.volume();
    if (!volume) log.warn({}, 'the base image has no tools: terminals end with their connections');
    return volume !== undefined;
  } catch (err) {
    log.warn({ err }, 'the engine does not tell whether the base image has tools');
    return true;
  }
}

/** The wrong runtime is told here, rather than at the first user's box. An engine that is away can't be asked. */
async function checkRuntimeOf(runtime: string, { config, docker, log }: FastifyInstance): Promise<void> {
  try {
    if (await checkRuntime(docker, runtime, config.BASE_IMAGE)) return;
    log.warn({ runtime }, 'without the base image it can not be told whether the runtime works');
  } catch (err) {
    if (!(err instanceof errors.EngineUnavailable)) throw err;
    log.warn({ err, runtime }, 'the engine does not tell whether the runtime works');
  }
}
