import { randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import t from 'tap';
import { connectDocker, found } from '../../lib/docker.js';
import { Tools, toolsMount } from '../../lib/tools.js';
import { startApp } from '../helpers/app.js';
import { createBox } from '../helpers/box.js';
import { connect } from '../helpers/client.js';
import { BASE_IMAGE, startDaemon } from '../helpers/daemon.js';
import type { Scope } from '../helpers/scope.js';

const machine = connectDocker({
  DOCKER_SERVER_HOST: process.env.DOCKER_SERVER_HOST ?? '/var/run/docker.sock',
});

/** Its name, its id, and the name of its volume of tools. */
type BaseImage = { image: string; id: string; volume: string };

/** A base image of the test's own. */
async function makeBaseImage(
  t: Scope,
  { docker = machine, image = `dockbox-test-${randomUUID()}` } = {},
): Promise<BaseImage> {
  const container = await docker.createContainer({ Image: BASE_IMAGE });
  t.teardown(() => container.remove());
  const { Id } = await container.commit({
    repo: image,
    tag: 'latest',
    changes: `LABEL test=${randomUUID()}`,
  });
  t.teardown(() => docker.getImage(Id).remove());
  const id = (Id as string).replace('sha256:', '');
  const volume = `dockbox-tools-${id.slice(0, 12)}`;
  t.teardown(() => found(docker.getVolume(volume).remove()));
  t.teardown(() => found(docker.getContainer(volume).remove()));
  return { image, id, volume };
}

t.test('an empty volume that the engine has made is replaced by one with the tools', async (t) => {
  const { image, volume } = await makeBaseImage(t);
  await machine.createVolume({ Name: volume });
  t.equal(await new Tools(machine, image).volume(), volume);
  const app = await startApp(t, { BASE_IMAGE: image });
  await createBox(t, app);
  const client = await connect(t, app, 'box', '?terminal=held');
  client.type('echo do""ne\r');
  await client.shows(/done/);
});

/** How many bytes the programs have that are in a volume of tools. */
async function sizeOfPrograms(volume: string): Promise<number> {
  return (await buffer(await machine.getContainer(volume).getArchive({ path: '/opt/dockbox/bin' }))).length;
}

t.test('a volume that was not filled to the end is made anew', async (t) => {
  const { image, id, volume } = await makeBaseImage(t);
  const VolumeOptions = { NoCopy: false, Labels: { 'dockbox.tools': id }, DriverConfig: {} as never };
  const Mounts = [{ Type: 'volume' as const, Source: volume, Target: '/opt/dockbox/etc', VolumeOptions }];
  const container = await machine.createContainer({ Image: image, HostConfig: { Mounts } });
  await container.remove();
  t.equal(await new Tools(machine, image).volume(), volume);
  t.ok((await sizeOfPrograms(volume)) > 100_000);
});

t.test('servers that start at the same time make one, and use it once it is complete', async (t) => {
  const { image, volume } = await makeBaseImage(t);
  const start = async () => {
    t.equal(await new Tools(machine, image).volume(), volume);
    return sizeOfPrograms(volume);
  };
  const sizes = await Promise.all(Array.from({ length: 8 }, start));
  t.equal(new Set(sizes).size, 1, `${sizes}`);
});

t.test('those of former base images go, unless a box has them', async (t) => {
  const daemon = await startDaemon(t, { swarm: false });
  const { docker } = daemon;
  const make = async (image: string) => {
    const made = await makeBaseImage(t, { docker, image });
    await new Tools(docker, image).volume();
    return made.volume;
  };
  const another = await make('another-base');
  const used = await make('base');
  await make('base');
  const current = await make('base');
  const Mounts = [toolsMount(used)];
  const box = await docker.createContainer({ Image: BASE_IMAGE, HostConfig: { Mounts } });
  const left = async () => {
    await new Tools(docker, 'base').removeFormer();
    return new Set((await docker.listVolumes()).Volumes.map(({ Name }) => Name));
  };
  t.same(await left(), new Set([another, current, used]));
  await box.remove();
  t.same(await left(), new Set([another, current]), "another service's stay");
});

t.test("a box's image puts nothing into them", async (t) => {
  const app = await startApp(t);
  const id = await createBox(t, app);
  const inspected = await (await app.deployment.container(id)).inspect();
  const mount = inspected.HostConfig.Mounts?.find(({ Target }) => Target === '/opt/dockbox');
  t.match(mount, { ReadOnly: true, VolumeOptions: { NoCopy: true } });
});
