import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import type Docker from 'dockerode';
import { hasImage } from '../../lib/images/pull.js';
import { tarGz } from './archives.js';

/** Programs that take the whole screen, and how the base image gets them. */
const RECIPE = `
RUN apt-get -qq update && apt-get install -qq -y --no-install-recommends htop vim \\
 && rm -rf /var/lib/apt/lists/*
`;

/**
 * The base image with vim and htop in it, made when there is none, and kept: it is named by what it is made of.
 * @returns its name
 * @throws with the engine's words when it can't be made
 */
export async function programsImage(docker: Docker): Promise<string> {
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
