import fastifyPostgres from '@fastify/postgres';
import fp from 'fastify-plugin';
import { checkConnection, migrate, poolOptions } from '../lib/database.js';

/** The pool of PostgreSQL connections, as `app.pg.pool`, its schema up to date. `@fastify/postgres` closes it. */
export default fp(
  async (app) => {
    await app.register(fastifyPostgres, poolOptions(app.config));
    // Without a listener, an idle connection that breaks would end the process.
    app.pg.pool.on('error', ({ message }) =>
      app.log.warn({ reason: message }, 'an idle database connection broke'),
    );
    await checkConnection(app.pg.pool, app.config);
    await migrate(app.pg.pool);
  },
  { name: 'db', dependencies: ['env'] },
);
