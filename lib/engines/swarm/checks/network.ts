import type Docker from 'dockerode';
import { ask, statusOf } from '../../../docker.js';
import { FLEET_NETWORK } from '../../../network.js';
import { probe } from '../../../probe.js';
import { reason } from '../../../refusal.js';

/** The engine itself gives up attaching a container to a network of the swarm's after 20 s; here, in ms, with some to spare. */
const ATTACH_TIMEOUT_MS = 30_000;

/**
 * Looks whether containers on the node can be attached to the network of boxes. None can after its engine has been killed, or the
 * machine has lost its power, while a box ran: the engine remembers the network's bridge, but not the network, and makes
 * neither (https://github.com/moby/moby/issues/37087).
 * @returns what is wrong, and what to do
 */
export async function checkNetwork(docker: Docker, image: string): Promise<string[]> {
  const { DockerRootDir } = await ask<{ DockerRootDir: string }>(docker.info());
  try {
    await probe({
      docker,
      image,
      command: ['true'],
      startTimeoutMs: ATTACH_TIMEOUT_MS,
      host: { NetworkMode: FLEET_NETWORK },
    });
    return [];
  } catch (error) {
    if (statusOf(error) === undefined) throw error;
    return [
      `its engine can't attach containers to the network ${FLEET_NETWORK} (${reason(error)}): when it was killed before, stop it, remove ${DockerRootDir}/network/files/local-kv.db, and start it`,
    ];
  }
}
