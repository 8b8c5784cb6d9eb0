import fp from 'fastify-plugin';
import { addressList } from '../lib/address-list.js';
import { type Egress, probeEgress } from '../lib/egress.js';
import { DEPLOYMENT_LABEL } from '../lib/engines/engine.js';
import { every } from '../lib/every.js';
import { ensureNetwork, NETWORK } from '../lib/network.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** What boxes reach, as last seen from inside one. */
    egress: { readonly state: Egress };
  }
}

/** How often boxes' egress is looked at, in ms: a look costs a container. When it could not be told, it is soon again. */
const PROBE_MS = 300_000;
const RETRY_MS = 10_000;

/** Watches whether boxes are kept from private networks and from the engine's host, unless they need not be. */
export default fp(
  async (app) => {
    const { config, docker, engine, log, nodes } = app;
    let state: Egress = config.BOX_EGRESS === 'open' ? 'open' : 'unknown';
    app.decorate('egress', {
      get state() {
        if (!nodes || state === 'open') return state;
        // A node that is ready has been looked at.
        return nodes.ready().length > 0 ? 'filtered' : 'unknown';
      },
    });
    if (config.BOX_EGRESS === 'open' || nodes) return;

    const probe = {
      docker,
      network: NETWORK,
      image: config.BASE_IMAGE,
      labels: { [DEPLOYMENT_LABEL]: engine.deployment },
      allow: addressList(config.BOX_EGRESS_ALLOW),
    };
    const look = async () => {
      const before = state;
      // Another server may be making the network at this moment.
      state = (await ensureNetwork(docker)) ? await probeEgress(probe) : 'unknown';
      if (state === before) return;
      if (state === 'filtered') log.info({}, 'boxes are kept from private networks and from the host');
      if (state === 'open') {
        log.error(
          {},
          'boxes reach private networks, or the ports of the host: as root on the engine\'s host, run "npm run firewall"; or set BOX_EGRESS=open if that is wanted',
        );
      }
    };
    let soon = true;
    const stop = every(
      () => (soon ? 0 : state === 'unknown' ? RETRY_MS : PROBE_MS),
      async () => {
        soon = false;
        await look();
      },
      (err) => {
        state = 'unknown';
        log.warn({ err }, 'it can not be told whether boxes are kept from private networks');
      },
    );
    app.addHook('preClose', stop);
  },
  { name: 'egress', dependencies: ['env', 'docker', 'engine', 'nodes'] },
);
