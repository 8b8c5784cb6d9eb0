import { randomUUID } from 'node:crypto';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { reconcileContainers, removeStrayWorkspaces } from '../../../lib/boxes/strays.js';
import { startApp } from '../../helpers/app.js';
import { createBox } from '../../helpers/box.js';
import { call, until } from '../../helpers/client.js';

const DAY_MS = 24 * 3_600_000;
const image = process.env.BASE_IMAGE ?? 'dockbox/base';
const app = await startApp(t, { SWEEP_SECONDS: '0.1' });
const { engine, workspaces, log, docker, deployment } = app;
const around = { pool: app.pg.pool, engine, workspaces, log };

/** Makes a workspace with a file in it that was last changed so long ago. */
async function makeWorkspace(id: string, ageMs = 0): Promise<void> {
  const directory = path.join(deployment.mountPoint, id);
  await mkdir(directory, { recursive: true });
  await writeFile(path.join(directory, 'file'), 'content');
  await utimes(directory, new Date(), new Date(Date.now() - ageMs));
}

/** Starts a container of a box that is not there, or of one of which there is only a row. */
async function startContainer(t: Test, owner: string, id = randomUUID()) {
  const container = await docker.createContainer({
    name: `dockbox-${id}`,
    Image: image,
    Cmd: ['sleep', '1000'],
    Labels: { 'dockbox.id': id, 'dockbox.deployment': owner },
  });
  t.teardown(() => container.remove({ force: true }).catch(() => {}));
  await container.start();
  return container;
}

t.test('containers without a row', async (t) => {
  const id = await createBox(t, app);
  const ours = await startContainer(t, engine.deployment);
  const theirs = await startContainer(t, randomUUID());
  await reconcileContainers(around);

  await t.rejects(ours.inspect(), /no such container/i, 'are removed');
  t.equal((await theirs.inspect()).State.Running, true, "another deployment's are not touched");
  t.same(await deployment.boxes(), [id], 'nor are those with one');
  await call(app, 'DELETE', '/v1/dockbox/box');
});

t.test('containers of a box that could not be made, as when its engine was away by then', async (t) => {
  const id = randomUUID();
  await app.pg.pool.query(
    `insert into dockbox (id, owner, name, url, status) values ($1, 'local', 'failed', 'http://127.0.0.1/a.zip', 'failed')`,
    [id],
  );
  const left = await startContainer(t, engine.deployment, id);
  await reconcileContainers(around);
  await t.rejects(left.inspect(), /no such container/i);
  t.match((await call(app, 'GET', '/v1/dockbox/failed')).body, { status: 'failed', running: false });
  t.equal((await call(app, 'DELETE', '/v1/dockbox/failed')).status, 204);
});

t.test('workspaces without a row', async (t) => {
  const id = await createBox(t, app);
  await makeWorkspace(id, 2 * DAY_MS);
  const [recent, old] = [randomUUID(), randomUUID()];
  await makeWorkspace(recent);
  await makeWorkspace(old, 2 * DAY_MS);
  await makeWorkspace('lost+found', 2 * DAY_MS);

  await removeStrayWorkspaces(around);
  t.same(
    (await deployment.workspaces()).toSorted(),
    ['lost+found', id, recent].toSorted(),
    'are removed when they are old, and nothing else is',
  );
  await workspaces.remove(recent, {});
  await workspaces.remove('lost+found', {});
  await call(app, 'DELETE', '/v1/dockbox/box');
});

t.test("workspaces on another deployment's mount point are left alone", async (t) => {
  const stray = randomUUID();
  await makeWorkspace(stray, 2 * DAY_MS);
  const owner = path.join(deployment.mountPoint, '.dockbox-deployment');
  await writeFile(owner, randomUUID());
  await removeStrayWorkspaces(around);
  t.same(await deployment.workspaces(), [stray]);
  await workspaces.remove(stray, {});
});

t.test(
  'a container that runs though its row says that it does not is adopted, and stopped when idle',
  async (t) => {
    const id = await createBox(t, app);
    await app.pg.pool.query('update dockbox set running = false, idle_since = null where id = $1', [id]);
    await reconcileContainers(around);
    t.match((await call(app, 'GET', '/v1/dockbox/box')).body, { running: true });
    await app.pg.pool.query(`update dockbox set idle_since = now() - interval '1 hour' where id = $1`, [id]);
    await until(app, 'box', ({ body }) => !body.running);
    await call(app, 'DELETE', '/v1/dockbox/box');
  },
);

t.test('a creation whose replica died is failed, and its files go', async (t) => {
  const id = randomUUID();
  await makeWorkspace(id);
  await app.pg.pool.query(
    `insert into dockbox (id, owner, name, url, status) values ($1, 'local', 'orphan', 'http://127.0.0.1/a.zip', 'creating')`,
    [id],
  );
  const { body } = await until(app, 'orphan', ({ body }) => body.status !== 'creating');
  t.match(body, { status: 'failed', error: /went away: create it again/ });
  t.same(await deployment.workspaces(), []);
  t.equal((await call(app, 'DELETE', '/v1/dockbox/orphan')).status, 204);
});

t.test('a creation that its living replica has lost is failed, too', async (t) => {
  await app.pg.pool.query(
    `insert into dockbox (id, owner, name, url, status, creator_id)
     values ($1, 'local', 'lost', 'http://127.0.0.1/a.zip', 'creating', $2)`,
    [randomUUID(), app.connections.replicaId],
  );
  const { body } = await until(app, 'lost', ({ body }) => body.status !== 'creating');
  t.match(body, { status: 'failed' });
  t.equal((await call(app, 'DELETE', '/v1/dockbox/lost')).status, 204);
});

t.test('a deletion that was left off is ended', async (t) => {
  const id = await createBox(t, app);
  // What its replica did before it died.
  await app.pg.pool.query(
    `update dockbox set name = null, deleted_at = now() - interval '1 hour' where id = $1`,
    [id],
  );
  t.equal((await call(app, 'GET', `/v1/dockbox/${id}`)).status, 404, 'nobody finds it any more');
  while ((await deployment.rows()).length > 0);
  t.same(await deployment.containers(), []);
  t.same(await deployment.workspaces(), []);
});
