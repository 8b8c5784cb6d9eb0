import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import t from 'tap';
import { Workspaces } from '../../../lib/boxes/workspace.js';
import { connectDocker } from '../../../lib/docker.js';

const docker = connectDocker({
  DOCKER_SERVER_HOST: process.env.DOCKER_SERVER_HOST ?? '/var/run/docker.sock',
});
const image = process.env.BASE_IMAGE ?? 'dockbox/base';

const PAIRS = 300;

/** Exchanges each directory of a workspace with a link, again and again, at one stroke: RENAME_EXCHANGE of renameat2(2). */
const EXCHANGE = `
import ctypes, sys
libc = ctypes.CDLL(None)
pairs = [(b'%s/directory-%d' % (sys.argv[1].encode(), i), b'%s/link-%d' % (sys.argv[1].encode(), i)) for i in range(${PAIRS})]
print('ready', flush=True)
while [a for a, b in pairs if libc.renameat2(-100, a, -100, b, 2) == 0]: pass`;

t.test('a workspace is removed, and nothing outside, whatever is done to it meanwhile', async (t) => {
  const root = await mkdtemp(path.join(os.tmpdir(), 'dockbox-workspaces-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const outside = path.join(root, 'outside');
  await mkdir(outside);
  await writeFile(path.join(outside, 'file'), '');
  const workspaces = new Workspaces(root, async () => docker, image);

  for (let round = 0; round < 5; round += 1) {
    const id = randomUUID();
    await workspaces.make(id);
    for (let pair = 0; pair < PAIRS; pair += 1) {
      const directory = path.join(workspaces.path(id), `directory-${pair}`);
      await mkdir(directory);
      await writeFile(path.join(directory, 'file'), '');
      await symlink(outside, path.join(workspaces.path(id), `link-${pair}`));
    }
    const exchange = spawn('python3', ['-c', EXCHANGE, workspaces.path(id)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(exchange.stdout, 'data');
    // What is changed under its hands may keep it from an end; the next one comes to it.
    await workspaces.remove(id, {}).catch(() => {});
    exchange.kill();
    await workspaces.remove(id, {});
    t.same(await readdir(outside), ['file']);
  }
  t.same(await readdir(root), ['outside']);
});

t.test('what the server can not remove itself is removed in a container, which is gone then', async (t) => {
  const root = await mkdtemp(path.join(os.tmpdir(), 'dockbox-workspaces-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const workspaces = new Workspaces(root, async () => docker, image);
  const id = randomUUID();
  await workspaces.make(id);
  await mkdir(path.join(workspaces.path(id), 'directory'));

  const { PATH } = process.env;
  t.teardown(() => Object.assign(process.env, { PATH }));
  // Its program is not found: to be refused, this would have to be somebody else than root.
  process.env.PATH = root;
  await workspaces.remove(id, { 'dockbox.id': id });
  t.same(await readdir(root), []);
  t.same(await docker.listContainers({ all: true, filters: { label: [`dockbox.id=${id}`] } }), []);
});
