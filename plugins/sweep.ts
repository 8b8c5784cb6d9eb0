import fp from 'fastify-plugin';
import { Sweep } from '../lib/connections/sweep.js';
import { every } from '../lib/every.js';

/** Between two looks for containers without a row, in ms: they cost a call for all containers. */
const RECONCILE_MS = 30_000;

/** Replicas that sweep at the same moment would only wait for each other: up to a quarter earlier or later. */
const jitter = (ms: number) => ms * (0.75 + Math.random() / 2);

/** Sweeps every few seconds, on every replica. */
export default fp(
  async (app) => {
    const { config, engine, log, pg, workspaces } = app;
    const idleTimeoutSeconds = config.IDLE_TIMEOUT_SECONDS;
    const sweep = new Sweep({ pool: pg.pool, engine, workspaces, idleTimeoutSeconds, log });
    const failed = (err: unknown) => log.error({ err }, 'a sweep failed');
    const stopSweep = every(
      () => jitter(config.SWEEP_SECONDS * 1000),
      () => sweep.run(),
      failed,
    );
    const stopReconcile = every(
      () => jitter(RECONCILE_MS),
      () => sweep.reconcile(),
      failed,
    );
    app.addHook('preClose', async () => {
      await Promise.all([stopSweep(), stopReconcile()]);
    });
  },
  { name: 'sweep', dependencies: ['env', 'db', 'engine'] },
);
