import fp from 'fastify-plugin';
import { addressList } from '../lib/address-list.js';
import { claimMountPoint } from '../lib/boxes/workspace.js';
import { SwarmNodes } from '../lib/engines/swarm/nodes.js';
import { every, jitter } from '../lib/every.js';
import { resolveMountPoint } from '../lib/paths.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** The nodes of the swarm; undefined on a single engine. */
    nodes: SwarmNodes | undefined;
  }
}

/** How often the nodes are looked at, in ms, and how long the first look waits for their checks. */
const LOOK_MS = 2000;
const FIRST_LOOK_MS = 10_000;

/** The nodes of the swarm that runs the boxes, as `app.nodes`, and eyes that are kept on them. */
export default fp(
  async (app) => {
    const { config, docker, log, pg } = app;
    if (config.ENGINE !== 'swarm') {
      app.decorate('nodes', undefined);
      return;
    }
    const { rows } = await pg.pool.query<{ id: string }>('select id from deployment');
    const deployment = rows[0]?.id ?? '';
    const mountPoint = resolveMountPoint(config.MOUNT_POINT);
    const owner = await claimMountPoint(mountPoint, deployment);
    const egress = config.BOX_EGRESS === 'open' ? undefined : { allow: addressList(config.BOX_EGRESS_ALLOW) };
    const needs = { deployment, mountPoint, owner, egress };
    const { BASE_IMAGE: baseImage, CONTAINER_RUNTIME: runtime } = config;
    const { DOCKER_SERVER_HOST: address, DOCKER_CERT_PATH: certificates } = config;
    const nodes = new SwarmNodes({
      docker,
      address,
      certificates,
      needs: { ...needs, baseImage, runtime },
      log,
    });
    app.decorate('nodes', nodes);

    let away = false;
    const look = async (patienceMs?: number) => {
      try {
        await nodes.look(patienceMs);
        if (away) log.info({}, "the swarm's manager answers again");
        away = false;
      } catch (err) {
        if (!away) log.warn({ err }, "the swarm's manager does not answer: its nodes are used as last known");
        away = true;
      }
    };
    await look(FIRST_LOOK_MS);
    const stop = every(
      () => jitter(LOOK_MS),
      () => look(),
      (err) => log.error({ err }, 'the nodes could not be looked at'),
    );
    app.addHook('onClose', async () => {
      await stop();
      await nodes.close();
    });
  },
  { name: 'nodes', dependencies: ['env', 'db', 'docker'] },
);
