import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import type Docker from 'dockerode';
import type { Test } from 'tap';
import { Workspaces } from '../../lib/boxes/workspace.js';
import { connectDocker } from '../../lib/docker.js';
import { type Fetched, type FetchOptions, fetchSource } from '../../lib/sources/fetch.js';
import { parseSource, type SourceRequest } from '../../lib/sources/parse.js';

const MIB = 1024 ** 2;
const image = process.env.BASE_IMAGE ?? 'dockbox/base';

/** Fetches sources into workspaces of its own, with real containers, and can tell what they left. */
export type Fetching = {
  docker: Docker;
  /** Fetches from this machine's own addresses, unless `options` say otherwise. */
  fetch(request: SourceRequest, options?: Partial<FetchOptions>): Promise<Fetched & { workspace: string }>;
  /** Runs a program in the base image, in a workspace, on this machine's network. @returns what it printed */
  inBox(workspace: string, ...command: string[]): Promise<string>;
  /** Names of the containers that fetches left. */
  containers(): Promise<string[]>;
};

/** At the end of the test, workspaces go, and a container that is left fails it. */
export async function startFetching(t: Test): Promise<Fetching> {
  const docker = connectDocker({
    DOCKER_SERVER_HOST: process.env.DOCKER_SERVER_HOST ?? '/var/run/docker.sock',
  });
  const deployment = `test-${randomUUID()}`;
  const labels = { 'dockbox.deployment': deployment };
  const root = await mkdtemp(path.join(os.tmpdir(), 'dockbox-fetching-'));
  const workspaces = new Workspaces(root, async () => docker, image);
  const ids: string[] = [];

  const containers = async () => {
    const filters = { label: [`dockbox.deployment=${deployment}`] };
    return (await docker.listContainers({ all: true, filters })).flatMap(({ Names }) => Names);
  };

  t.teardown(async () => {
    const left = await containers();
    for (const id of ids) await workspaces.remove(id, labels);
    await rm(root, { recursive: true });
    if (left.length > 0) throw new Error(`Containers are left: ${left.join(', ')}`);
  });

  return {
    docker,
    containers,
    async fetch(request, options = {}) {
      const id = randomUUID();
      ids.push(id);
      const workspace = workspaces.path(id);
      const fetched = await fetchSource(parseSource(request, options.env), {
        docker,
        image,
        name: `dockbox-fetch-${id}`,
        labels,
        workspace,
        timeoutSeconds: 60,
        maxBytes: 256 * MIB,
        allowPrivate: true,
        ...options,
      });
      await fetched.remove();
      return { ...fetched, workspace };
    },
    async inBox(workspace, ...command) {
      const chunks: Buffer[] = [];
      const output = new PassThrough().on('data', (chunk: Buffer) => chunks.push(chunk));
      const [, container] = (await docker.run(image, command, [output, output], {
        Labels: labels,
        Entrypoint: [],
        WorkingDir: '/workspace',
        Tty: false,
        HostConfig: { Binds: [`${workspace}:/workspace`], NetworkMode: 'host' },
      })) as [unknown, Docker.Container];
      await container.remove();
      return Buffer.concat(chunks).toString();
    },
  };
}
