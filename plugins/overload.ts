import underPressure from '@fastify/under-pressure';
import fp from 'fastify-plugin';
import { errors } from '../lib/errors.js';

/** How often the delay is measured, in ms. */
const SAMPLE_MS = 500;

/**
 * Refuses what is new while the event loop is late, before those suffer who have a terminal open. Load balancers and
 * Prometheus still get their answer: a replica that is busy is not dead.
 */
export default fp(
  async (app) => {
    await app.register(underPressure, {
      maxEventLoopDelay: app.config.MAX_EVENT_LOOP_DELAY_MS,
      sampleInterval: SAMPLE_MS,
      pressureHandler: async ({ routeOptions }) => {
        if (routeOptions.url?.startsWith('/v1/')) throw new errors.Overloaded();
      },
    });
  },
  { name: 'overload', dependencies: ['env', 'errors'] },
);
