import fp from 'fastify-plugin';
import { Boxes } from '../lib/boxes/boxes.js';
import { FetchPool } from '../lib/boxes/fetch-pool.js';
import { every, jitter } from '../lib/every.js';
import { userOf } from '../lib/user.js';

declare module 'fastify' {
  interface FastifyInstance {
    boxes: Boxes;
  }
}

/** How often what fetches have left is removed, and the next ones are prepared, in ms: not while a box is connected to that is new. */
const TEND_MS = 2000;

/** The same after a failure, in ms: an engine in trouble is let alone. */
const RECOVER_MS = 30_000;

/** The boxes of this deployment, as `app.boxes`. */
export default fp(
  async (app) => {
    const { config, connections, engine, log, pg, quotas, workspaces } = app;
    const limits = {
      maxBytes: config.WORKSPACE_MAX_BYTES,
      memoryBytes: config.BOX_MEMORY_BYTES,
      cpus: config.BOX_CPUS,
      pids: config.BOX_PIDS,
    };
    const shared = { pool: pg.pool, engine, workspaces, connections, log };
    const fetchPool = new FetchPool({
      ...shared,
      limits,
      image: config.BASE_IMAGE,
      size: config.FETCH_POOL_SIZE,
    });
    const boxes = new Boxes({
      ...shared,
      fetchPool,
      quotas,
      baseImage: config.BASE_IMAGE,
      allowPrivateSources: config.ALLOW_PRIVATE_SOURCES,
      fetchLimits: { ...limits, timeoutSeconds: config.FETCH_TIMEOUT_SECONDS },
      user: userOf(config),
      env: process.env,
    });
    app.decorate('boxes', boxes);
    let ended = true;
    const stop = every(
      () => jitter(ended ? TEND_MS : RECOVER_MS),
      async () => {
        ended = false;
        await fetchPool.tend();
        ended = true;
      },
      (err) => log.warn({ err }, 'fetches could not be prepared'),
    );
    app.addHook('preClose', async () => {
      await Promise.all([boxes.close(), stop()]);
      await fetchPool.close();
    });
  },
  { name: 'boxes', dependencies: ['env', 'db', 'engine', 'quotas', 'connections'] },
);
