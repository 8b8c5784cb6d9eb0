import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { ask, found, tolerate } from './docker.js';

/** The network of boxes, and its interface on the engine's host. */
export const NETWORK = 'dockbox';
export const BRIDGE = 'dockbox0';

/**
 * The same of a fleet's nodes: one network of the swarm's, which every node makes for itself by its own configuration.
 * Its names are others: a node's engine may have run boxes by itself before.
 */
export const FLEET_NETWORK = 'dockbox-fleet';
export const FLEET_BRIDGE = 'dockbox1';
const FLEET_CONFIGURATION = 'dockbox-node';

const options = (bridge: string) => ({
  'com.docker.network.bridge.enable_icc': 'false',
  'com.docker.network.bridge.name': bridge,
});

/** How long a network that another server makes at this moment may take to be there, in ms, and how often it is asked. */
const NETWORK_WAIT_MS = 2000;
const NETWORK_POLL_MS = 50;

/**
 * Sees to it that the bridge network of boxes is there, on which they can't reach each other. Two that are made at the
 * same time would both be there, and a container's start is refused while there are two of a name; of two bridges of one
 * name the engine makes the first alone.
 * @returns the interface of the engine's host that boxes' packets come in by; undefined when another server is still making
 *   the network
 */
export async function ensureNetwork(docker: Docker): Promise<string | undefined> {
  await ask(
    tolerate(
      docker.createNetwork({
        Name: NETWORK,
        CheckDuplicate: true,
        Options: options(BRIDGE),
      }),
      403,
      409,
    ),
  );
  // The other one, whose bridge is there already, may not have its name yet.
  for (let waitedMs = 0; waitedMs < NETWORK_WAIT_MS; waitedMs += NETWORK_POLL_MS) {
    const network = await ask(found(docker.getNetwork(NETWORK).inspect()));
    // A network that somebody made by hand has a bridge of the engine's own naming.
    if (network)
      return network.Options?.['com.docker.network.bridge.name'] ?? `br-${network.Id.slice(0, 12)}`;
    await delay(NETWORK_POLL_MS);
  }
  return undefined;
}

/** Sees to it that a node knows how to make the fleet's network, on which boxes can't reach each other. */
export async function ensureNodeNetwork(node: Docker): Promise<void> {
  await ask(
    tolerate(
      node.createNetwork({
        Name: FLEET_CONFIGURATION,
        CheckDuplicate: true,
        ConfigOnly: true,
        Options: options(FLEET_BRIDGE),
      }),
      409,
    ),
  );
}

/**
 * Sees to it that the swarm has the network of boxes. What tries a node's egress is attached to it as well, though no service.
 */
export async function ensureFleetNetwork(manager: Docker): Promise<void> {
  await ensureNodeNetwork(manager);
  const created = manager.createNetwork({
    Name: FLEET_NETWORK,
    CheckDuplicate: true,
    Driver: 'bridge',
    Scope: 'swarm',
    Attachable: true,
    ConfigFrom: { Network: FLEET_CONFIGURATION },
  });
  // 409 when it is there, and 500 when another server makes it at this moment.
  const status = await ask(tolerate(created, 409, 500));
  if (status === 500 && !(await ask(found(manager.getNetwork(FLEET_NETWORK).inspect())))) await ask(created);
}
