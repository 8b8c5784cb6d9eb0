import t from 'tap';
import { FLEET_NETWORK } from '../../../lib/network.js';
import { startCluster } from '../../helpers/cluster.js';
import { BASE_IMAGE } from '../../helpers/daemon.js';
import { eventually } from '../../helpers/engine-faults.js';
import { watchNodes } from '../../helpers/nodes.js';

t.test('a node whose engine was killed while a box ran', async (t) => {
  const cluster = await startCluster(t, { workers: 0 });
  const { manager: node } = cluster;
  const { daemon } = node;
  const { isReady, labelOf, saidOf } = await watchNodes(t, cluster);
  await eventually(t, 'the node is ready', async () => isReady(node));
  const box = { Image: BASE_IMAGE, Cmd: ['sleep', '1000'], HostConfig: { NetworkMode: FLEET_NETWORK } };
  await (await node.docker.createContainer(box)).start();
  await daemon.end('SIGKILL');
  await daemon.start();
  let remedy: string | undefined;

  await t.test(
    'gets no boxes, for which its engine has no network any more, and how to mend that is told',
    async (t) => {
      await eventually(t, 'it is told', async () => {
        remedy ??= /gets no boxes: .* stop it, remove (\S+), and start it/.exec(saidOf(node))?.[1];
        return remedy !== undefined;
      });
      t.notOk(isReady(node));
      t.equal(await labelOf(node), undefined);
    },
  );

  await t.test('gets them once that was done', async (t) => {
    await daemon.end('SIGTERM');
    await daemon.run('rm', remedy ?? '');
    await daemon.start();
    await eventually(t, 'it is ready', async () => isReady(node));
    t.equal(await labelOf(node), 'ready');
  });
});
