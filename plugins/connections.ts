import { hostname } from 'node:os';
import fp from 'fastify-plugin';
import { ConnectionManager } from '../lib/connections/manager.js';

declare module 'fastify' {
  interface FastifyInstance {
    connections: ConnectionManager;
  }
}

/** The connection manager, as `app.connections`: it counts the clients of each box, over all replicas. */
export default fp(
  async (app) => {
    const address = `${hostname()}:${app.config.PORT}`;
    const leaseSeconds = app.config.LEASE_SECONDS;
    const { log, pg, quotas } = app;
    const connections = new ConnectionManager({ pool: pg.pool, address, leaseSeconds, quotas, log });
    app.decorate('connections', connections);
    await connections.open();
    app.addHook('onClose', () => connections.close());
  },
  { name: 'connections', dependencies: ['env', 'db', 'quotas'] },
);
