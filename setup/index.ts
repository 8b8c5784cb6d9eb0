import { readConfig } from '../lib/config.js';
import { connectDocker } from '../lib/docker.js';
import { Tools } from '../lib/tools.js';
import { ensureBaseImage } from './base-image.js';
import { ensureDocker } from './docker.js';
import { ensureFirewall } from './firewall.js';
import { checkManager } from './swarm.js';

/**
 * Makes the machine ready to run the service: the Docker engine, the firewall, the base image, and the tools that it has
 * for boxes. The nodes of a fleet get the image and the tools from the server, and each has a firewall of its own.
 */
export async function prepare(): Promise<void> {
  const config = readConfig();
  const docker = connectDocker(config);
  await ensureDocker(docker, config.DOCKER_SERVER_HOST);
  if (config.ENGINE === 'swarm') await checkManager(docker, config.DOCKER_SERVER_HOST);
  else await ensureFirewall(docker, config);
  await ensureBaseImage(docker, config.BASE_IMAGE);
  const tools = new Tools(docker, config.BASE_IMAGE);
  await tools.volume();
  await tools.removeFormer();
}
