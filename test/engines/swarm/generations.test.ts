import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import t from 'tap';
import { Generations } from '../../../lib/engines/swarm/generations.js';

t.test('generations of a box', async (t) => {
  const mountPoint = await mkdtemp(path.join(os.tmpdir(), 'dockbox-generations-'));
  t.teardown(() => rm(mountPoint, { recursive: true }));
  const [one, other] = [new Generations(mountPoint), new Generations(mountPoint)];

  await t.test('are the same for servers that begin at the same time', async (t) => {
    const [first, second] = await Promise.all([one.begin('box'), other.begin('box')]);
    t.equal(first, second);
    await other.replace('box', first + 1);
    t.equal(await one.current('box'), first + 1);
  });

  await t.test('may be removed by one server while another writes them', async (t) => {
    for (let round = 0; round < 200; round += 1) {
      const id = `box-${round}`;
      const acts = [one.begin(id), other.remove(id), other.begin(id), one.replace(id, 5), one.remove(id)];
      await Promise.all(acts);
      await one.remove(id);
      t.equal(await one.current(id), undefined);
    }
  });
});
