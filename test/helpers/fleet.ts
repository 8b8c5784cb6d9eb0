import { setTimeout as delay } from 'node:timers/promises';
import { call, type Service } from './client.js';
import { type Cluster, startCluster } from './cluster.js';
import { type Deployment, makeDeployment } from './deployment.js';
import type { Scope } from './scope.js';
import { type Server, startServer } from './server.js';

export type Fleet = { cluster: Cluster; deployment: Deployment; server: Server };

type FleetOptions = { workers?: number; tls?: boolean; variables?: NodeJS.ProcessEnv };

/** A server whose boxes run on a cluster, some seconds of whose patience are cut short. */
export async function startFleet(
  t: Scope,
  { workers = 2, tls = false, variables = {} }: FleetOptions = {},
): Promise<Fleet> {
  const cluster = await startCluster(t, { workers, tls });
  const settings = {
    ENGINE: 'swarm',
    DOCKER_SERVER_HOST: cluster.address,
    ...(cluster.certificates && { DOCKER_CERT_PATH: cluster.certificates.client }),
    BOX_EGRESS: 'open',
    FENCE_SECONDS: '5',
    ...variables,
  };
  const engines = cluster.nodes.map(({ daemon }) => daemon.socket);
  const deployment = await makeDeployment(t, settings, engines);
  return { cluster, deployment, server: await startServer(t, deployment) };
}

const POLL_MS = 100;

/** Waits until a server uses so many nodes; the test's own time limit ends a wait in vain. */
export async function readyNodes(server: Service, count: number): Promise<void> {
  for (;;) {
    const { body } = await call(server, 'GET', '/health/ready');
    if (body.nodes?.ready === count) return;
    await delay(POLL_MS);
  }
}
