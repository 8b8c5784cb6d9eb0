import fp from 'fastify-plugin';
import { every } from '../lib/every.js';
import { CLOSE } from '../lib/terminals/close.js';

/** How often it is looked whether this replica is in touch, in ms. */
const WATCH_MS = 1000;

/** By how much this replica gives its terminals up before others may stop their boxes, in ms. */
const MARGIN_MS = 5000;

/** How often the engine is asked whether it lives, and after how much silence it is taken for gone, in ms. */
const PING_MS = 10_000;
const ENGINE_TIMEOUT_MS = 30_000;

/**
 * Closes the terminals that this replica can't vouch for any more. Out of touch with the database for longer than its lease
 * and the idle time, it would be serving boxes that others have stopped; without the engine its streams are dead, and a
 * silent network does not tell.
 */
export default fp(
  async (app) => {
    const { config, connections, engine, log, terminals } = app;
    const giveUp = async (facts: object, code: number, reason: string) => {
      if (terminals.size === 0) return;
      log.error({ ...facts, terminals: terminals.size }, reason);
      await terminals.closeAll({ code, reason });
    };
    const leaseMs = config.LEASE_SECONDS * 1000;
    const silenceMs = leaseMs + Math.max(0, config.IDLE_TIMEOUT_SECONDS * 1000 - MARGIN_MS);
    let engineAt = performance.now();

    const stops = [
      every(
        () => WATCH_MS,
        async () => {
          const { silentMs } = connections;
          const reason = 'This server has lost its database: connect again.';
          if (silentMs > silenceMs) await giveUp({ silentMs }, CLOSE.serviceRestart, reason);
        },
        (err) => log.error({ err }, 'terminals could not be given up'),
      ),
      every(
        () => PING_MS,
        async () => {
          await engine.ping();
          engineAt = performance.now();
        },
        async (err) => {
          log.warn({ err }, 'the engine does not answer');
          const ms = performance.now() - engineAt;
          const reason = 'The container engine does not answer: connect again.';
          if (ms > ENGINE_TIMEOUT_MS) await giveUp({ ms }, CLOSE.serverError, reason);
        },
      ),
    ];
    app.addHook('preClose', async () => {
      await Promise.all(stops.map((stop) => stop()));
    });
  },
  { name: 'watch', dependencies: ['env', 'connections', 'engine', 'websocket'] },
);
