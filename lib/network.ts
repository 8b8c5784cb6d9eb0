import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { ask, found, tolerate } from './docker.js';

/** The network of boxes, and its interface on the engine's host. */
export const NETWORK = 'dockbox';
export const BRIDGE = 'dockbox0';

/** How long a network that another server makes at this moment may take to be there, in ms, and how often it is asked. */
const NETWORK_WAIT_MS = 2000;
const NETWORK_POLL_MS = 50;

/** What the engine's host has of the network of boxes. */
export type BoxNetwork = {
  /** The interface that boxes' packets come in by. */
  bridge: string;
  /** The addresses that the host has on it. */
  gateways: string[];
};

/**
 * Sees to it that the bridge network of boxes is there, on which they can't reach each other. Two that are made at the
 * same time would both be there, and a container's start is refused while there are two of a name; of two bridges of one
 * name the engine makes the first alone.
 * @returns undefined when another server is still making it
 */
export async function ensureNetwork(docker: Docker): Promise<BoxNetwork | undefined> {
  await ask(
    tolerate(
      docker.createNetwork({
        Name: NETWORK,
        CheckDuplicate: true,
        Options: {
          'com.docker.network.bridge.enable_icc': 'false',
          'com.docker.network.bridge.name': BRIDGE,
        },
      }),
      403,
      409,
    ),
  );
  // The other one, whose bridge is there already, may not have its name yet.
  for (let waitedMs = 0; waitedMs < NETWORK_WAIT_MS; waitedMs += NETWORK_POLL_MS) {
    const network = await ask(found(docker.getNetwork(NETWORK).inspect()));
    if (network) return describe(network);
    await delay(NETWORK_POLL_MS);
  }
  return undefined;
}

function describe({ Id, Options, IPAM }: Docker.NetworkInspectInfo): BoxNetwork {
  return {
    // A network that somebody made by hand has a bridge of the engine's own naming.
    bridge: Options?.['com.docker.network.bridge.name'] ?? `br-${Id.slice(0, 12)}`,
    gateways: (IPAM?.Config ?? []).flatMap(({ Gateway }) => (Gateway ? [Gateway] : [])),
  };
}
