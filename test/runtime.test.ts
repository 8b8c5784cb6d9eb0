import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import t from 'tap';
import { buildApp } from '../app.js';
import { startApp } from './helpers/app.js';
import { createBox } from './helpers/box.js';
import { startDaemon } from './helpers/daemon.js';
import { makeDeployment } from './helpers/deployment.js';
import { startServer } from './helpers/server.js';

t.test("another runtime than the engine's own", async (t) => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'dockbox-runtime-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const wrapper = path.join(directory, 'wrapper');
  const note = path.join(directory, 'note');
  await writeFile(wrapper, `#!/bin/sh\necho "$@" >>${note}\nexec runc "$@"\n`);
  await chmod(wrapper, 0o755);
  const runtimes = { broken: '/bin/false', wrapped: wrapper };
  const daemon = await startDaemon(t, { runtimes, swarm: false });
  // Those of a swarm's nodes are for their operators to name: deploy/swarm.md.
  const variables = { ENGINE: 'single', DOCKER_SERVER_HOST: daemon.socket };
  const deployment = await makeDeployment(t, variables, daemon.socket);

  for (const CONTAINER_RUNTIME of ['broken', 'nowhere']) {
    await t.test(`that does not work is told at the start: ${CONTAINER_RUNTIME}`, async (t) => {
      await t.rejects(buildApp({ ...deployment.env, CONTAINER_RUNTIME }), {
        message: new RegExp(`CONTAINER_RUNTIME: .* "${CONTAINER_RUNTIME}": \\w+`),
      });
    });
  }

  await t.test('that works runs boxes', async (t) => {
    const server = await startServer(t, deployment, { CONTAINER_RUNTIME: 'wrapped' });
    const id = await createBox(t, server);
    const { HostConfig } = await daemon.docker.getContainer(`dockbox-${id}`).inspect();
    t.equal(HostConfig.Runtime, 'wrapped');
    t.match(await deployment.run(id, 'cat', '/workspace/src/README'), /hello/);
  });

  const left = (await daemon.docker.listContainers({ all: true })).flatMap(({ Names }) => Names);
  t.match(left, [/^\/dockbox-tools-/], 'what was tried is gone');
  t.equal(left.length, 1);
});

t.test('is not asked for while the engine is away', async (t) => {
  const app = await startApp(t, { DOCKER_SERVER_HOST: '/nowhere/docker.sock', CONTAINER_RUNTIME: 'any' });
  t.equal((await fetch(`${app.base}/health`)).status, 200);
});
