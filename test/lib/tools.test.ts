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

/** A base image of the test's own. @returns its name, and that of its volume of tools */
async function makeBaseImage(t: Scope): Promise<{ image: string; id: string; volume: string }> {
  const image = `dockbox-test-${randomUUID()}`;
  const container = await docker.createContainer({ Image: process.env.BASE_IMAGE ?? 'dockbox/base' });
  t.teardown(() => container.remove());
  const { Id } = await container.commit({ repo: image, tag: 'latest', changes: `LABEL test=${image}` });
  t.teardown(() => docker.getImage(image).remove());
  const id = (Id as string).replace('sha256:', '');
  const volume = `dockbox-tools-${id.slice(0, 12)}`;
  t.teardown(() => docker.getVolume(volume).remove());
  return { image, id, volume };
}

t.test('an empty volume that the engine has made is replaced by one with the tools', async (t) => {
  const { image, volume } = await makeBaseImage(t);
  await docker.createVolume({ Name: volume });
  t.equal(await new Tools(docker, image).volume(), volume);
  const app = await startApp(t, { BASE_IMAGE: image });
  await createBox(t, app);
  const client = await connect(t, app, 'box', '?terminal=held');
  client.type('echo do""ne\r');
  await client.shows(/done/);
});

t.test("a box's image puts nothing into an empty one", async (t) => {
  const { image, id: imageId, volume } = await makeBaseImage(t);
  await docker.createVolume({ Name: volume, Labels: { 'dockbox.tools': imageId } });
  const app = await startApp(t, { BASE_IMAGE: image });
  const id = await createBox(t, app);
  const inspected = await (await app.deployment.container(id)).inspect();
  const mount = inspected.HostConfig.Mounts?.find(({ Source }) => Source === volume);
  t.match(mount, { ReadOnly: true, VolumeOptions: { NoCopy: true } });
});
