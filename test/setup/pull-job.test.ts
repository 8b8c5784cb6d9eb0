import t from 'tap';
import { runPullJob } from '../../setup/pull-job.js';
import { startCluster } from '../helpers/cluster.js';
import { BASE_IMAGE } from '../helpers/daemon.js';

t.test('a job that has every node pull an image', async (t) => {
  const { manager, nodes } = await startCluster(t, { workers: 1 });

  await t.test('ends when all have it', async () => {
    // A node that reaches no registry does with what it has.
    await runPullJob(manager.docker, BASE_IMAGE);
  });

  await t.test('tells which could not, and why', async (t) => {
    const pulling = runPullJob(manager.docker, '127.0.0.1:9/nowhere:1');
    for (const { name } of nodes) {
      await t.rejects(pulling, {
        message: new RegExp(`${name}: No such image: 127\\.0\\.0\\.1:9/nowhere:1`),
      });
    }
  });

  t.same(await manager.docker.listServices(), [], 'nothing of it is left');
});
