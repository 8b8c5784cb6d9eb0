import { setTimeout as delay } from 'node:timers/promises';
import fp from 'fastify-plugin';
import { errors } from '../lib/errors.js';

declare module 'fastify' {
  interface FastifyInstance {
    drain: {
      /** Whether this replica is about to go. */
      readonly active: boolean;
      /**
       * From now on takes nothing new, and is not ready for load balancers. Resolves when what is open has ended, or after
       * DRAIN_SECONDS.
       */
      begin(): Promise<void>;
      /** @throws {@link errors.Draining} when this replica is about to go */
      refuse(): void;
    };
  }
}

/** A way to go that nobody notices who is not in the middle of something. */
export default fp(
  async (app) => {
    let active = false;
    app.decorate('drain', {
      get active() {
        return active;
      },
      async begin() {
        active = true;
        const { boxes, config, log, terminals } = app;
        log.info({ terminals: terminals.size, seconds: config.DRAIN_SECONDS }, 'draining');
        const clock = new AbortController();
        const late = delay(config.DRAIN_SECONDS * 1000, undefined, { signal: clock.signal }).catch(() => {});
        await Promise.race([late, Promise.all([terminals.ended(), boxes.created()])]);
        clock.abort();
      },
      refuse() {
        if (active) throw new errors.Draining();
      },
    });
  },
  { name: 'drain', dependencies: ['env', 'boxes', 'websocket'] },
);
