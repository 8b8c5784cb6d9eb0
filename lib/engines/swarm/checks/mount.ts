import type Docker from 'dockerode';
import { OWNER_FILE } from '../../../boxes/workspace.js';
import { statusOf } from '../../../docker.js';
import { probe } from '../../../probe.js';

const MOUNTED = '/mnt/shared';

/**
 * Looks whether the node has the file system of workspaces, and not another, at the same path as this server.
 * @param owner whose this server's is: what the file in it says
 * @returns what is wrong, and what to do
 */
export async function checkMount(
  docker: Docker,
  image: string,
  mountPoint: string,
  owner: string,
): Promise<string[]> {
  const wrong = (what: string) => [
    `${what} ${mountPoint}: mount the file system of this server's MOUNT_POINT there`,
  ];
  const script = `[ "$(cat ${MOUNTED}/${OWNER_FILE})" = "$OWNER" ]`;
  const Mounts = [{ Type: 'bind' as const, Source: mountPoint, Target: MOUNTED, ReadOnly: true }];
  try {
    const status = await probe({
      docker,
      image,
      command: ['sh', '-c', script],
      variables: { OWNER: owner },
      // Whoever's the directory is: boxes may do the same.
      host: { Mounts, CapAdd: ['DAC_OVERRIDE'] },
    });
    return status ? wrong('it has another file system at') : [];
  } catch (error) {
    if (statusOf(error) === 400) return wrong('it has no directory');
    throw error;
  }
}
