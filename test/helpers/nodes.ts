import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Test } from 'tap';
import { claimMountPoint } from '../../lib/boxes/workspace.js';
import { connectDocker, disconnectDocker } from '../../lib/docker.js';
import { SwarmNodes } from '../../lib/engines/swarm/nodes.js';
import { every } from '../../lib/every.js';
import type { Cluster, ClusterNode } from './cluster.js';
import { BASE_IMAGE } from './daemon.js';

/** How often the nodes are looked at here, in ms. */
const LOOK_MS = 200;

/** Whose the nodes' label is. */
export const DEPLOYMENT = 'nodes-test';

/** The nodes of a cluster, looked at again and again as a server does, and what was said of them. */
export async function watchNodes(
  t: Test,
  cluster: Cluster,
  { address = cluster.address, egress }: { address?: string; egress?: { allow: string[] } } = {},
) {
  const mountPoint = await mkdtemp(path.join(os.tmpdir(), 'dockbox-nodes-'));
  t.teardown(() => rm(mountPoint, { recursive: true }));
  const owner = await claimMountPoint(mountPoint, DEPLOYMENT);
  const certificates = cluster.certificates?.client;
  const docker = connectDocker({
    DOCKER_SERVER_HOST: address,
    ...(certificates && { DOCKER_CERT_PATH: certificates }),
  });
  const said: string[] = [];
  const say = (facts: object, message: string) => {
    said.push(`${(facts as { node?: string }).node}: ${message}`);
  };
  const log = { debug: say, info: say, warn: say, error: say };
  const needs = { deployment: DEPLOYMENT, baseImage: BASE_IMAGE, mountPoint, owner, egress };
  const nodes = new SwarmNodes({ docker, address, certificates, needs, log });
  const stop = every(
    () => LOOK_MS,
    () => nodes.look(),
    () => {},
  );
  t.teardown(async () => {
    await stop();
    await nodes.close();
    disconnectDocker(docker);
  });
  const isReady = ({ name }: ClusterNode) => nodes.ready().some(({ hostname }) => hostname === name);
  const labelOf = async ({ name }: ClusterNode) =>
    (await cluster.inspect(name)).Spec.Labels[`dockbox.${DEPLOYMENT}`];
  return {
    nodes,
    mountPoint,
    isReady,
    labelOf,
    docker: ({ name }: ClusterNode) => {
      const node = nodes.all().find(({ hostname }) => hostname === name);
      if (!node) throw new Error(`There is no node "${name}".`);
      return node.docker;
    },
    /** What was said of a node since it was last asked for. */
    saidOf: ({ name }: ClusterNode) => {
      const lines = said.filter((line) => line.startsWith(`${name}: `));
      for (const line of lines) said.splice(said.indexOf(line), 1);
      return lines.join('\n');
    },
  };
}
