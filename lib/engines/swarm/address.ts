import type Docker from 'dockerode';
import { connectDocker } from '../../docker.js';
import type { Listed } from './listed.js';

/** The node label with its engine's address, where that is not the port of the manager's at the node's own address. */
export const ENGINE_LABEL = 'dockbox.engine';

/** How a manager's engine is reached. */
export type ManagerEndpoint = {
  /** The id of the node that it is; undefined when there are several managers. */
  id?: string | undefined;
  /** DOCKER_SERVER_HOST. */
  address: string;
  certificates?: string | undefined;
};

/**
 * Where a node's engine is: as its label says, else at the address that the swarm knows the node by.
 * @returns an address as DOCKER_SERVER_HOST has them
 */
export function engineAddress({ id, labels, address }: Listed, manager: ManagerEndpoint): string {
  if (labels[ENGINE_LABEL]) return labels[ENGINE_LABEL];
  if (id === manager.id) return manager.address;
  const host = address.includes(':') ? `[${address}]` : address;
  return `${host}:${portOf(manager)}`;
}

/** The port of the manager's engine, or of the first one's. */
function portOf({ address, certificates }: ManagerEndpoint): number {
  const secure = certificates !== undefined || address.startsWith('https://');
  return Number(/^[^,]*:(\d+)\/?(,|$)/.exec(address)?.[1] ?? (secure ? 2376 : 2375));
}

/** @throws with what to do, when the address is none; when a certificate file can't be read */
export function connectNode(address: string, certificates: string | undefined): Docker {
  try {
    return connectDocker({
      DOCKER_SERVER_HOST: address,
      ...(certificates && { DOCKER_CERT_PATH: certificates }),
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code) throw error;
    throw new Error(
      `its engine's address "${address}" is none: set the node's label ${ENGINE_LABEL} to one such as tcp://10.0.0.5:2376.`,
    );
  }
}
