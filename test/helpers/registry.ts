import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import type Docker from 'dockerode';
import type { Test } from 'tap';
import { connectDocker } from '../../lib/docker.js';
import { REGISTRY_PROGRAM } from '../../setup/registry.js';
import { runProgram } from './process.js';

/** For a test's `skip`: why there can be no registry, or false. */
export const noRegistry =
  !existsSync(REGISTRY_PROGRAM) && 'it needs the registry of a Debian machine where this is root';

/** A shell, what it needs, and nothing else, as a tar of a file system. */
const SMALL_IMAGE = `
set -e
for program in sh bash cat ls sleep stty tail; do
  file=$(command -v $program)
  mkdir -p /image/bin
  cp -L $file /image/bin/
  for library in $(ldd $file | grep -o '/[^ ]*'); do
    mkdir -p /image$(dirname $library)
    cp -L $library /image$library
  done
done
echo "$1" >/image/made-for
tar -C /image -c .`;

/** A container registry on the loopback interface, which the engine trusts without TLS. */
export class Registry {
  readonly docker: Docker;
  /** Its address, which the names of its images begin with. */
  readonly host: string;

  constructor(docker: Docker, host: string) {
    this.docker = docker;
    this.host = host;
  }

  /** Puts a small image into the registry, and not into the engine. @returns its name, tag included */
  async push(name: string, tag = '1'): Promise<string> {
    const repo = `${this.host}/${name}`;
    const tar = new PassThrough();
    const imported = this.docker.importImage(tar, { repo, tag } as object);
    const base = process.env.BASE_IMAGE ?? 'dockbox/base';
    const [result, container] = (await this.docker.run(
      base,
      ['sh', '-c', SMALL_IMAGE, 'sh', `${repo}:${tag}`],
      [tar, process.stderr],
      { Tty: false, Entrypoint: [] },
    )) as [{ StatusCode: number }, Docker.Container];
    await container.remove();
    tar.end();
    await drain(await imported);
    if (result.StatusCode !== 0) throw new Error('The image could not be made.');
    const image = this.docker.getImage(`${repo}:${tag}`);
    // The engine wants to be told of an account, if only of none.
    await drain(await image.push({ authconfig: { username: '', password: '' } } as object));
    await image.remove();
    return `${repo}:${tag}`;
  }

  /** Removes an image from the engine, where it is there. */
  async forget(image: string): Promise<void> {
    await this.docker
      .getImage(image)
      .remove({ force: true })
      .catch(() => {});
  }
}

/** Starts a registry; the end of the test stops it, and removes what the engine has of its images. */
export async function startRegistry(t: Test): Promise<Registry> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'dockbox-registry-'));
  t.teardown(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  const config = path.join(directory, 'config.json');
  await writeFile(
    config,
    JSON.stringify({
      version: '0.1',
      storage: { filesystem: { rootdirectory: path.join(directory, 'images') } },
      http: { addr: '127.0.0.1:0' },
    }),
  );
  const program = runProgram(t, [REGISTRY_PROGRAM, 'serve', config]);
  const [, host = ''] = await program.prints(/listening on (127\.0\.0\.1:\d+)/);
  const docker = connectDocker({
    DOCKER_SERVER_HOST: process.env.DOCKER_SERVER_HOST ?? '/var/run/docker.sock',
  });
  const registry = new Registry(docker, host);
  t.teardown(async () => {
    const images = await docker.listImages({ filters: { reference: [`${host}/*`] } });
    for (const { RepoTags } of images) for (const tag of RepoTags ?? []) await registry.forget(tag);
  });
  return registry;
}

/** Reads the engine's progress to its end. @throws what it says went wrong */
async function drain(stream: NodeJS.ReadableStream): Promise<void> {
  let text = '';
  for await (const chunk of stream) text += chunk;
  const error = /"error":"([^"]*)"/.exec(text)?.[1];
  if (error) throw new Error(error);
}
