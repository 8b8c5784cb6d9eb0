import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type Docker from 'dockerode';
import t, { type Test } from 'tap';
import { reconcileContainers } from '../../../../lib/boxes/strays.js';
import { startApp, startReplica } from '../../../helpers/app.js';
import { tarGz } from '../../../helpers/archives.js';
import { call } from '../../../helpers/client.js';
import type { Deployment } from '../../../helpers/deployment.js';
import { eventually } from '../../../helpers/engine-faults.js';
import { Gate } from '../../../helpers/gate.js';
import { startGitServer } from '../../../helpers/git-server.js';
import { serve, startHttpServer } from '../../../helpers/http-server.js';
import { launchServer } from '../../../helpers/server.js';

const API = '/v1/dockbox';
const CREDENTIALS = { username: 'ada', password: 'p4ss-of-ada' };
const AUTHORIZATION = `Basic ${Buffer.from('ada:p4ss-of-ada').toString('base64')}`;

/** A Git server that containers reach over their bridge, as they do servers elsewhere. */
async function startBridged(t: Test, docker: Docker) {
  const gate: { held?: { asked: Gate; released: Gate } | undefined } = {};
  const { IPAM } = await docker.getNetwork('bridge').inspect();
  const { Gateway, Subnet = '' } = IPAM?.Config?.[0] ?? {};
  const server = await startGitServer(t, {
    // An engine that was never restarted does not tell its own address there, which is the first.
    host: Gateway ?? Subnet.replace(/\d+\/\d+$/, '1'),
    intercept({ headers, url = '' }, response) {
      if (url.startsWith('/private') && headers.authorization !== AUTHORIZATION) {
        response.writeHead(401).end();
        return true;
      }
      // Git itself, in its container; what the server asks for says that it is dockbox.
      const { held } = gate;
      if (!held || headers['user-agent']?.includes('dockbox')) return false;
      held.asked.open();
      void held.released.passed.then(() => response.writeHead(503).end());
      return true;
    },
  });
  const make = async (name: string) => {
    const repository = await server.createRepository(name);
    await repository.commit({ 'README.md': 'hello\n' });
    return repository.url;
  };
  return { gate, url: await make('public.git'), privateUrl: await make('private.git') };
}

/** The ids of boxes to come for which a container stands ready. */
async function preparedIds({ docker, pool }: Deployment): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>('select id from prepared_fetch');
  const containers = await docker.listContainers({ filters: { name: ['dockbox-fetch-'] } });
  const running = new Set(containers.map(({ Labels }) => Labels['dockbox.id']));
  return rows.map(({ id }) => id).filter((id) => running.has(id));
}

/** Waits until so many are prepared. */
async function untilPrepared(deployment: Deployment, count: number): Promise<string[]> {
  for (;;) {
    const ids = await preparedIds(deployment);
    if (ids.length === count) return ids;
  }
}

/** Waits until the container of a box's fetch is gone, which nobody waits for otherwise. */
async function fetchIsGone(deployment: Deployment, id: string): Promise<void> {
  while ((await deployment.containers()).includes(`dockbox-fetch-${id}`));
}

t.test('a server keeps containers ready for the fetches of repositories', async (t) => {
  const app = await startApp(t, { FETCH_POOL_SIZE: '2', SWEEP_SECONDS: '0.5' });
  const { gate, url, privateUrl } = await startBridged(t, app.docker);
  const { deployment, docker } = app;
  const post = (body: object) => call(app, 'POST', API, body);
  const remove = async (id: string) => t.equal((await call(app, 'DELETE', `${API}/${id}`)).status, 204);

  await t.test('one of which fetches for the next box, once, and is replaced', async (t) => {
    const ids = await untilPrepared(deployment, 2);
    const { status, body } = await post({ url });
    t.equal(status, 201, JSON.stringify(body));
    t.ok(ids.includes(body.id), 'the box has the id that it was prepared for');
    t.equal(await readFile(path.join(deployment.mountPoint, body.id, 'README.md'), 'utf8'), 'hello\n');
    await fetchIsGone(deployment, body.id);
    const after = await untilPrepared(deployment, 2);
    t.notOk(after.includes(body.id));
    t.ok(after.some((id) => ids.includes(id)) && after.some((id) => !ids.includes(id)));
    await remove(body.id);
  });

  await t.test('which see their own workspace alone, and tell nobody what they fetch', async (t) => {
    const before = await untilPrepared(deployment, 2);
    const containers = await Promise.all(
      before.map((id) => docker.getContainer(`dockbox-fetch-${id}`).inspect()),
    );
    for (const [index, { Mounts }] of containers.entries()) {
      t.match(Mounts, [
        { Source: path.join(deployment.mountPoint, before[index] ?? ''), Destination: '/workspace' },
      ]);
      t.equal(Mounts.length, 1);
    }
    const held = { asked: new Gate(), released: new Gate() };
    gate.held = held;
    const answer = post({ url: privateUrl, credentials: CREDENTIALS });
    await held.asked.passed;
    const [id = ''] = (await deployment.rows()).filter((id) => before.includes(id));
    const container = docker.getContainer(`dockbox-fetch-${id}`);
    const inspected = await container.inspect();
    t.equal(inspected.Id, containers[before.indexOf(id)]?.Id, 'it is the very container');
    const seen = JSON.stringify([inspected, await container.top({ ps_args: '-eo pid,args' })]);
    for (const secret of ['private.git/info', CREDENTIALS.password, AUTHORIZATION.slice(6)]) {
      t.notMatch(seen, secret);
    }
    gate.held = undefined;
    held.released.open();
    t.equal((await answer).status, 422);
    t.notOk((await deployment.workspaces()).includes(id), 'nothing is left of a fetch that failed');
    t.notOk((await deployment.containers()).includes(`dockbox-fetch-${id}`));
  });

  await t.test('which a request that is refused does not use up', async (t) => {
    const { body } = await post({ url, name: 'taken' });
    const ids = await untilPrepared(deployment, 2);
    t.equal((await post({ url, name: 'taken' })).status, 409);
    t.same((await preparedIds(deployment)).toSorted(), ids.toSorted());
    await remove(body.id);
  });

  await t.test('which others than repositories do not use up', async (t) => {
    const ids = await untilPrepared(deployment, 2);
    const archive = await startHttpServer(t, serve({ '/a.tar.gz': tarGz([{ name: 'a' }]) }));
    const { status, body } = await post({ url: `${archive.url}/a.tar.gz` });
    t.equal(status, 201);
    t.same((await preparedIds(deployment)).toSorted(), ids.toSorted());
    await remove(body.id);
  });

  await t.test('and can do without those that are gone', async (t) => {
    for (const id of await untilPrepared(deployment, 2)) {
      const container = docker.getContainer(`dockbox-fetch-${id}`);
      // One that is stopped, and one that is not there.
      await container.kill();
      if ((await preparedIds(deployment)).length === 0) await container.remove();
    }
    for (const name of ['one', 'two']) {
      const { status, body } = await post({ url, name });
      t.equal(status, 201, JSON.stringify(body));
      await remove(body.id);
    }
    await untilPrepared(deployment, 2);
  });

  await t.test('and can do without those that others have removed, who took it for dead', async (t) => {
    const lost = await untilPrepared(deployment, 2);
    await app.pg.pool.query('delete from replica');
    const { status, body } = await post({ url });
    t.equal(status, 201, JSON.stringify(body));
    await remove(body.id);
    await untilPrepared(deployment, 2);
    const areGone = async () => !(await deployment.workspaces()).some((id) => lost.includes(id));
    await eventually(t, 'they are removed', areGone);
  });
});

t.test('what a server had prepared that was killed is removed, and nothing of those that live', async (t) => {
  const app = await startApp(t, { FETCH_POOL_SIZE: '2', LEASE_SECONDS: '1', SWEEP_SECONDS: '0.1' });
  const { deployment, engine, workspaces, log } = app;
  const own = await untilPrepared(deployment, 2);
  const killed = await launchServer(deployment.env);
  t.teardown(() => killed.end('SIGKILL'));
  await untilPrepared(deployment, 4);

  await reconcileContainers({ pool: app.pg.pool, engine, workspaces, log });
  t.equal(
    (await preparedIds(deployment)).length,
    4,
    'no replica takes what another has prepared for a stray',
  );

  await killed.end('SIGKILL');
  await eventually(
    t,
    'its containers and workspaces go',
    async () => (await deployment.containers()).length === 2 && (await deployment.workspaces()).length === 2,
  );
  t.same((await preparedIds(deployment)).toSorted(), own.toSorted());
});

t.test('a server that ends leaves nothing that it had prepared', async (t) => {
  const app = await startApp(t);
  const { deployment } = app;
  const other = await startReplica(t, { env: { ...deployment.env, FETCH_POOL_SIZE: '1' } });
  await untilPrepared(deployment, 1);
  await other.close();
  t.same(await deployment.containers(), []);
  t.same(await deployment.workspaces(), []);
});

t.test('the container of a fetch that has ended goes when its server was killed before', async (t) => {
  const app = await startApp(t);
  const { url } = await startBridged(t, app.docker);
  const { deployment, docker, engine, workspaces, log } = app;
  const { body } = await call(app, 'POST', API, { url });
  await fetchIsGone(deployment, body.id);
  const left = await docker.createContainer({
    name: `dockbox-fetch-${body.id}`,
    Image: process.env.BASE_IMAGE ?? 'dockbox/base',
    Labels: engine.labels(body.id),
  });
  t.teardown(() => left.remove({ force: true }).catch(() => {}));
  await reconcileContainers({ pool: app.pg.pool, engine, workspaces, log });
  await t.rejects(left.inspect(), /no such container/i);
  t.ok(await deployment.runs(body.id));
});
