import rateLimit, { type FastifyRateLimitStore, normalizeIP } from '@fastify/rate-limit';
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { errors } from '../lib/errors.js';
import { every, jitter } from '../lib/every.js';
import { countRate, forgetRates } from '../lib/rates.js';

const WINDOW_MS = 60_000;

/** Addresses under one that providers give to one customer, in bits: a limit for each of 2^64 would be none. */
export const CLIENT_SUBNET = 64;

/** The routes that take a credential. What load balancers and visitors ask without one is not counted. */
const COUNTED = /^\/(v1\/|metrics$)/;

/** How often an address may ask in a minute, whichever replica it asks. */
export default fp(
  async (app) => {
    const { config, log, pg } = app;
    const store = class implements FastifyRateLimitStore {
      incr(client: string, done: Parameters<FastifyRateLimitStore['incr']>[1], windowMs: number) {
        countRate(pg.pool, client, windowMs).then(
          ({ count, leftMs }) => done(null, { current: count, ttl: leftMs }),
          (err: Error) => {
            // Without a database the request itself fails, in words of its own.
            log.warn({ err }, 'a request could not be counted');
            done(err);
          },
        );
      }

      child() {
        return this;
      }
    };
    await app.register(rateLimit, {
      global: false,
      store,
      timeWindow: WINDOW_MS,
      skipOnError: true,
      enableDraftSpec: true,
      errorResponseBuilder: (_request, { ttl }) =>
        new errors.TooManyRequests(String(Math.max(1, Math.ceil(ttl / 1000)))),
    });
    const limiter = (what: string, max: number) =>
      app.rateLimit({ max, keyGenerator: ({ ip }) => `${what} ${normalizeIP(ip, CLIENT_SUBNET)}` });
    const request = limiter('request', config.REQUESTS_PER_MINUTE);
    const terminal = limiter('terminal', config.CONNECTS_PER_MINUTE);

    // Before all else, so that credentials can't be tried as often as one likes, either.
    app.addHook('onRequest', async function limit(this: typeof app, incoming: FastifyRequest, reply) {
      if (!COUNTED.test(incoming.routeOptions.url ?? '')) return;
      const max = incoming.ws ? config.CONNECTS_PER_MINUTE : config.REQUESTS_PER_MINUTE;
      if (max > 0) await (incoming.ws ? terminal : request).call(this, incoming, reply);
    });
    const stop = every(
      () => jitter(WINDOW_MS),
      () => forgetRates(pg.pool, WINDOW_MS),
      (err) => log.warn({ err }, 'clients that asked long ago could not be forgotten'),
    );
    app.addHook('preClose', () => stop());
  },
  { name: 'limits', dependencies: ['env', 'db', 'errors', 'headers'] },
);
