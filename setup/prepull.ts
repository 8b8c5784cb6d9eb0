import type Docker from 'dockerode';
import { readConfig } from '../lib/config.js';
import { connectDocker, disconnectDocker } from '../lib/docker.js';
import { languageImages } from '../lib/images/choose.js';
import { pullImage } from '../lib/images/pull.js';
import { runPullJob } from './pull-job.js';
import { step } from './run.js';

/**
 * What `npm run prepull` runs: pulls the images of languages, so that the first box of each need not wait; on every node
 * of a fleet.
 * @returns the exit status: 1 when some could not be pulled
 */
export async function main(): Promise<number> {
  const config = readConfig();
  const docker = connectDocker(config);
  const pull = config.ENGINE === 'swarm' ? runPullJob : pullImage;
  try {
    return (await pullAll(docker, languageImages(), pull)) ? 0 : 1;
  } finally {
    disconnectDocker(docker);
  }
}

/** Pulls one after the other. @returns whether all could be pulled */
export async function pullAll(
  docker: Docker,
  images: string[],
  pull: (docker: Docker, image: string) => Promise<void>,
): Promise<boolean> {
  let all = true;
  for (const image of images) {
    try {
      await step(`Pulling ${image}`, () => pull(docker, image));
    } catch (error) {
      all = false;
      console.error(`  ${(error as Error).message}`);
    }
  }
  return all;
}
