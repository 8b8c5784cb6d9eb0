import fp from 'fastify-plugin';
import { Quotas } from '../lib/boxes/quotas.js';

declare module 'fastify' {
  interface FastifyInstance {
    quotas: Quotas;
  }
}

/** What one owner may have, as `app.quotas`. */
export default fp(
  async (app) => {
    const { config } = app;
    app.decorate(
      'quotas',
      new Quotas({
        boxes: config.OWNER_MAX_BOXES,
        running: config.OWNER_MAX_RUNNING,
        terminals: config.OWNER_MAX_TERMINALS,
        createsPerMinute: config.OWNER_CREATES_PER_MINUTE,
      }),
    );
  },
  { name: 'quotas', dependencies: ['env'] },
);
