import type Docker from 'dockerode';
import { probeEgress } from '../../../egress.js';
import { ensureFleetNetwork, ensureNodeNetwork, FLEET_NETWORK } from '../../../network.js';
import { Tools } from '../../../tools.js';
import { DEPLOYMENT_LABEL } from '../../engine.js';
import { checkHardening } from './hardening.js';
import { ensureBaseImage } from './image.js';
import { checkMount } from './mount.js';
import { checkNetwork } from './network.js';
import { checkDefaultRuntime } from './runtime.js';

/** What boxes need of a node. */
export type Needs = {
  deployment: string;
  baseImage: string;
  /** Absolute, and whose it is: what the file in it says. */
  mountPoint: string;
  owner: string;
  /** CONTAINER_RUNTIME */
  runtime?: string | undefined;
  /** What boxes may reach of private networks; undefined when they may reach all that the node does. */
  egress?: { allow: string[] } | undefined;
};

export type Found = {
  /** All that is wrong, and what to do about it; nothing when boxes may run there. */
  problems: string[];
  /** The volume with the tools for boxes; undefined when the base image has none. */
  tools?: string | undefined;
};

/**
 * Gives a node what boxes need and a server can give, and looks for what it can't: what the single engine asks for with
 * every container, and a service has no words for.
 * @param others engines of nodes that have the base image
 * @throws when it could not be told
 */
export async function checkNode(
  manager: Docker,
  docker: Docker,
  others: Docker[],
  needs: Needs,
): Promise<Found> {
  const { baseImage: image, mountPoint, owner, runtime, egress } = needs;
  await ensureFleetNetwork(manager);
  await ensureNodeNetwork(docker);
  const missing = await ensureBaseImage([manager, ...others], docker, image);
  if (missing.length > 0) return { problems: missing };
  const tools = await new Tools(docker, image).volume();
  // Alone: what else is tried on that network would only wait for the same.
  const unattached = await checkNetwork(docker, image);
  if (unattached.length > 0) return { problems: unattached };
  const problems = await Promise.all([
    checkHardening(docker, image),
    checkMount(docker, image, mountPoint, owner),
    runtime ? checkDefaultRuntime(docker, image, runtime) : [],
    egress ? checkEgress(docker, needs, egress.allow) : [],
  ]);
  return { problems: problems.flat(), tools };
}

async function checkEgress(
  docker: Docker,
  { deployment, baseImage: image }: Needs,
  allow: string[],
): Promise<string[]> {
  const labels = { [DEPLOYMENT_LABEL]: deployment };
  const egress = await probeEgress({ docker, network: FLEET_NETWORK, image, labels, allow });
  if (egress === 'unknown') throw new Error('It could not be told what boxes would reach there.');
  return egress === 'filtered'
    ? []
    : [
        'boxes would reach private networks from it, or its own ports: run what "npm run -s firewall -- --print" prints as root on it; or set BOX_EGRESS=open if that is wanted',
      ];
}
