import { setTimeout as delay } from 'node:timers/promises';
import { call, type Service } from './client.js';
import { type Cluster, startCluster } from './cluster.js';
import { type Deployment, makeDeployment } from './deployment.js';
import type { Scope } from './scope.js';
import { type Server, startServer } from './server.js';

export type Fleet = { cluster: Cluster; deployment: Deployment };

type Options = { workers?: number; tls?: boolean; variables?: NodeJS.ProcessEnv };

/** A deployment whose boxes run on a cluster, some seconds of whose servers' patience are cut short. */
export async function makeFleet(
  t: Scope,
  { workers = 2, tls = false, variables = {} }: Options = {},
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
  return { cluster, deployment: await makeDeployment(t, settings, engines) };
}

/** The same with a server. */
export async function startFleet(t: Scope, options: Options = {}): Promise<Fleet & { server: Server }> {
  const fleet = await makeFleet(t, options);
  return { ...fleet, server: await startServer(t, fleet.deployment) };
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
