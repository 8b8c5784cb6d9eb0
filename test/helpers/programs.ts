import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import type Docker from 'dockerode';
import { connectDocker, disconnectDocker } from '../../lib/docker.js';
import { hasImage } from '../../lib/images/pull.js';
import { tarGz } from './archives.js';
import { copyImage } from './images.js';

/** Programs that take the whole screen, and how the base image gets them. */
const RECIPE = `
RUN apt-get -qq update && apt-get install -qq -y --no-install-recommends htop vim \\
 && rm -rf /var/lib/apt/lists/*
`;

/**
 * The base image with vim and htop in it, made when there is none, and kept: it is named by what it is made of. It is made
 * by the machine's own engine: the throw-away one of a swarm has no way to Debian's packages.
 * @returns its name
 * @throws with the engine's words when it can't be made
 */
export async function programsImage(docker: Docker): Promise<string> {
  const { MACHINE_ENGINE } = process.env;
  if (!MACHINE_ENGINE) return makeIn(docker);
  const machine = connectDocker({ DOCKER_SERVER_HOST: MACHINE_ENGINE });
  const name = await makeIn(machine);
  await copyImage(name, machine, docker);
  disconnectDocker(machine);
  return name;
}

async function makeIn(docker: Docker): Promise<string> {
  const base = await docker.getImage(process.env.BASE_IMAGE ?? 'dockbox/base').inspect();
  const dockerfile = `FROM ${base.Id}${RECIPE}`;
  const name = `dockbox/test-programs:${createHash('sha256').update(dockerfile).digest('hex').slice(0, 12)}`;
  if (await hasImage(docker, name)) return name;
  const context = gunzipSync(tarGz([{ name: 'Dockerfile', content: dockerfile }]));
  const output = await docker.buildImage(Readable.from([context]), { t: name, forcerm: true });
  for await (const line of createInterface({ input: output })) {
    const { error } = JSON.parse(line) as { error?: string };
    if (error) throw new Error(`The image for terminal programs can't be made: ${error}`);
  }
  return name;
}
