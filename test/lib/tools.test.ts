import { randomUUID } from 'node:crypto';
import t from 'tap';
import { connectDocker } from '../../lib/docker.js';
import { Tools } from '../../lib/tools.js';
import { startApp } from '../helpers/app.js';
import { createBox } from '../helpers/box.js';
import { connect } from '../helpers/client.js';
import type { Scope } from '../helpers/scope.js';

const docker = connectDocker({
  DOCKER_SERVER_HOST: process.env.DOCKER_SERVER_HOST ?? '/var/run/docker.sock',
});

/** A base image of the test's own, whose volume was made and not filled by whoever died then. */
async function makeHalf(t: Scope): Promise<{ image: string; volume: string }> {
  const repo = `dockbox-test-${randomUUID()}`;
  const container = await docker.createContainer({ Image: process.env.BASE_IMAGE ?? 'dockbox/base' });
  t.teardown(() => container.remove());
  const { Id } = await container.commit({ repo, tag: 'latest', changes: `LABEL test=${repo}` });
  t.teardown(() => docker.getImage(repo).remove());
  const id = (Id as string).replace('sha256:', '');
  const volume = `dockbox-tools-${id.slice(0, 12)}`;
  await docker.createVolume({ Name: volume, Labels: { 'dockbox.tools': id } });
  t.teardown(() => docker.getVolume(volume).remove());
  return { image: repo, volume };
}

t.test('a volume of tools that was made and not filled', async (t) => {
  const { image, volume } = await makeHalf(t);
  t.equal(await new Tools(docker, image).volume(), volume);
  const app = await startApp(t, { BASE_IMAGE: image });
  await createBox(t, app);
  const client = await connect(t, app, 'box');
  client.type('echo do""ne\r');
  await client.shows(/^done/m);
});

t.test("a box's image puts nothing into an empty one", async (t) => {
  const { image, volume } = await makeHalf(t);
  const app = await startApp(t, { BASE_IMAGE: image });
  const id = await createBox(t, app);
  const inspected = await app.docker.getContainer(`dockbox-${id}`).inspect();
  const mount = inspected.HostConfig.Mounts?.find(({ Source }) => Source === volume);
  t.match(mount, { ReadOnly: true, VolumeOptions: { NoCopy: true } });
});
