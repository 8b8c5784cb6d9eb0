import fp from 'fastify-plugin';
import { DiskWatch } from '../lib/boxes/disk.js';
import { every } from '../lib/every.js';

/** Measures how much disk running boxes take, and stops those that take too much. */
export default fp(
  async (app) => {
    const { config, engine, log, pg, workspaces } = app;
    const { BOX_DISK_BYTES: limitBytes, DISK_CHECK_SECONDS: intervalSeconds } = config;
    const watch = new DiskWatch({ pool: pg.pool, engine, workspaces, limitBytes, intervalSeconds, log });
    const how = workspaces.quota
      ? 'the file system limits workspaces, and what boxes change of their images is measured'
      : 'the disk that boxes take is measured, and those that take too much are stopped';
    log.info({ limitBytes, intervalSeconds }, how);
    const stop = every(
      () => intervalSeconds * 500,
      () => watch.run(),
      (err) => log.warn({ err }, 'boxes could not be measured'),
    );
    app.addHook('preClose', stop);
  },
  { name: 'disk', dependencies: ['env', 'db', 'engine'] },
);
