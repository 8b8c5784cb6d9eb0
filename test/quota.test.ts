import { execFile } from 'node:child_process';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { createBox } from './helpers/box.js';
import { call, connect } from './helpers/client.js';
import { makeDeployment } from './helpers/deployment.js';
import { startServer } from './helpers/server.js';

const run = promisify(execFile);
const MIB = 1024 ** 2;

/** Mounts a btrfs of the test's own on a directory. @returns why that is not possible here; undefined when it was */
async function mountBtrfs(t: Test, directory: string): Promise<string | undefined> {
  const images = await mkdtemp(path.join(os.tmpdir(), 'dockbox-btrfs-'));
  t.teardown(() => rm(images, { recursive: true }));
  const image = path.join(images, 'image');
  await writeFile(image, '');
  await truncate(image, 400 * MIB);
  await run('mkfs.btrfs', ['--quiet', image]);
  try {
    await run('mount', ['-o', 'loop', image, directory]);
  } catch (error) {
    return `a btrfs can't be mounted here: ${(error as Error).message}`;
  }
  t.teardown(() => run('umount', [directory]));
  await run('btrfs', ['quota', 'enable', directory]);
  return undefined;
}

t.test('a file system with quotas limits a workspace by itself', async (t) => {
  const deployment = await makeDeployment(t, {
    BOX_DISK_BYTES: String(64 * MIB),
    DISK_CHECK_SECONDS: '3600',
  });
  const problem = await mountBtrfs(t, deployment.mountPoint);
  if (problem) {
    t.plan(0, problem);
    return;
  }
  const server = await startServer(t, deployment);
  const id = await createBox(t, server);
  const client = await connect(t, server, 'box');

  client.type('head -c 100M /dev/zero >fill; ls -s --block-size=M fill\r');
  await client.shows(/Disk quota exceeded/);
  await client.shows(/^6[0-4]M fill/m);
  client.forget();
  client.type('rm fill && echo again >note && cat note src/README\r');
  await client.shows(/^again/m);
  await client.shows(/^hello/m);

  t.equal((await call(server, 'DELETE', `/v1/dockbox/${id}`)).status, 204);
  t.same(await deployment.workspaces(), []);
  const { stdout } = await run('btrfs', ['qgroup', 'show', deployment.mountPoint]);
  t.notMatch(stdout, /stale|0\/25[6-9]/, 'its quota group is gone, too');

  await t.test('and one in which its user has made another, is removed as well', async (t) => {
    const id = await createBox(t, server);
    // BTRFS_IOC_SUBVOL_CREATE of linux/btrfs.h.
    const create =
      'my $a = pack("qZ4088", 0, "nested"); sysopen(D, "/workspace", 0); print ioctl(D, 0x5000940e, $a) ? "made" : $!';
    t.equal(await deployment.run(id, 'perl', '-e', create), 'made');
    await deployment.run(id, 'sh', '-c', 'mkdir nested/d; echo >nested/d/file');
    t.equal((await call(server, 'DELETE', `/v1/dockbox/${id}`)).status, 204);
    t.same(await deployment.workspaces(), []);
  });
});
