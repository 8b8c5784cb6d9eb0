import fp from 'fastify-plugin';
import { findEnded } from '../lib/auth/liveness.js';
import { every } from '../lib/every.js';

/** How often it is looked whether what terminals were opened with is still good, in ms. */
const LOOK_MS = 2000;

/** Closes the terminals of this replica whose credential was revoked, or has expired, on whichever replica. */
export default fp(
  async (app) => {
    const { log, pg, terminals } = app;
    const stop = every(
      () => LOOK_MS,
      () => terminals.closeEnded((credentials) => findEnded(pg.pool, credentials)),
      (err) => log.error({ err }, 'it could not be looked whether credentials are still good'),
    );
    app.addHook('preClose', () => stop());
  },
  { name: 'revocation', dependencies: ['db', 'websocket'] },
);
