import fp from 'fastify-plugin';
import { removeEnded } from '../lib/auth/liveness.js';
import { reconcileContainers, removeStrayWorkspaces } from '../lib/boxes/strays.js';
import { Sweep } from '../lib/connections/sweep.js';
import { every, jitter } from '../lib/every.js';

/** Between two looks for containers without a row, in ms: they cost a call for all containers. */
const CONTAINERS_MS = 30_000;

/** Between two looks for workspaces without a row, in ms: they read the whole directory of the mount point. */
const WORKSPACES_MS = 3_600_000;

/** Between two looks for credentials that nobody can use any more, in ms. */
const CREDENTIALS_MS = 60_000;

/** Sweeps every few seconds, on every replica. */
export default fp(
  async (app) => {
    const { boxes, config, connections, engine, log, pg, workspaces } = app;
    const { replicaId } = connections;
    const { IDLE_TIMEOUT_SECONDS: idleTimeoutSeconds, LEASE_SECONDS: leaseSeconds } = config;
    const sweep = new Sweep({
      pool: pg.pool,
      engine,
      workspaces,
      replicaId,
      leaseSeconds,
      idleTimeoutSeconds,
      tools: app.tools,
      log,
    });
    const failed = (err: unknown) => log.error({ err }, 'a sweep failed');
    let looked = false;
    const stops = [
      every(
        () => jitter(config.SWEEP_SECONDS * 1000),
        async () => {
          await boxes.disownLost();
          await sweep.run();
        },
        failed,
      ),
      every(
        () => jitter(CONTAINERS_MS),
        () => reconcileContainers({ pool: pg.pool, engine, workspaces, log }),
        failed,
      ),
      every(
        () => jitter(looked ? WORKSPACES_MS : CONTAINERS_MS),
        async () => {
          looked = true;
          await removeStrayWorkspaces({ pool: pg.pool, engine, workspaces, log });
        },
        failed,
      ),
      every(
        () => jitter(CREDENTIALS_MS),
        () => removeEnded(pg.pool),
        failed,
      ),
    ];
    app.addHook('preClose', async () => {
      await Promise.all(stops.map((stop) => stop()));
    });
  },
  { name: 'sweep', dependencies: ['env', 'db', 'engine', 'connections', 'boxes'] },
);
