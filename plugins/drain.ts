import { setTimeout as delay } from 'node:timers/promises';
import fp from 'fastify-plugin';
import { errors } from '../lib/errors.js';

declare module 'fastify' {
  interface FastifyInstance {
    drain: {
      /** Whether this replica is about to go. */
      readonly active: boolean;
      /**
       * From now on is not ready for load balancers, and takes nothing new after DRAIN_NOTICE_SECONDS, in which they find
       * out. Resolves when what is open then has ended, or after DRAIN_SECONDS more.
       */
      begin(): Promise<void>;
      /** @throws {@link errors.Draining} when this replica takes nothing new any more */
      refuse(): void;
    };
  }
}

/** A way to go that nobody notices who is not in the middle of something. */
export default fp(
  async (app) => {
    let active = false;
    let closed = false;
    // A proxy that keeps connections would go on sending requests here by one that it has.
    app.addHook('onSend', async (_request, reply) => {
      if (active) reply.header('connection', 'close');
    });
    app.decorate('drain', {
      get active() {
        return active;
      },
      async begin() {
        active = true;
        const { boxes, config, log, terminals } = app;
        const { DRAIN_NOTICE_SECONDS: notice, DRAIN_SECONDS: seconds } = config;
        log.info({ terminals: terminals.size, notice, seconds }, 'draining');
        // Whoever does not wait for this is not held up by it.
        await delay(notice * 1000, undefined, { ref: false });
        closed = true;
        const clock = new AbortController();
        const late = delay(seconds * 1000, undefined, { signal: clock.signal }).catch(() => {});
        await Promise.race([late, Promise.all([terminals.ended(), boxes.created()])]);
        clock.abort();
      },
      refuse() {
        if (closed) throw new errors.Draining();
      },
    });
  },
  { name: 'drain', dependencies: ['env', 'boxes', 'websocket'] },
);
