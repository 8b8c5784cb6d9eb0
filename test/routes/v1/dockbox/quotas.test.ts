import { setImmediate } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { startApp, startReplica } from '../../../helpers/app.js';
import { tarGz } from '../../../helpers/archives.js';
import { createBoxOf } from '../../../helpers/box.js';
import type { Answer } from '../../../helpers/client.js';
import { type App, bearer, callAs, insertBoxOf, makeKey } from '../../../helpers/credentials.js';
import { Gate } from '../../../helpers/gate.js';
import { handshake } from '../../../helpers/handshake.js';
import { serve, startHttpServer } from '../../../helpers/http-server.js';

const API = '/v1/dockbox';

/** Two replicas of a deployment of the test's own. */
async function startReplicas(t: Test, variables: NodeJS.ProcessEnv) {
  const app = await startApp(t, { AUTH: 'token', ...variables });
  return [app, await startReplica(t, app.deployment)] as const;
}

async function startSource(t: Test): Promise<{ url: string }> {
  const server = await startHttpServer(
    t,
    serve({ '/a.zip': tarGz([{ name: 'a/README', content: 'hello\n' }]) }),
  );
  return { url: `${server.url}/a.tar.gz` };
}

const statuses = (answers: { status: number }[]) => answers.map(({ status }) => status).sort((a, b) => a - b);

t.test('an owner has as many boxes as they may, though they ask for more at the same time', async (t) => {
  const replicas = await startReplicas(t, { OWNER_MAX_BOXES: '3', OWNER_MAX_RUNNING: '0' });
  const [app] = replicas;
  const { key } = await makeKey(app);
  const { key: admin } = await makeKey(app, { scope: 'admin' });
  await insertBoxOf(app, 'ana');
  await insertBoxOf(app, 'bob');
  const gate = new Gate();
  const server = await startHttpServer(t, (_request, response) => {
    void gate.passed.then(() => response.writeHead(404).end());
  });
  const source = { url: `${server.url}/a.tar.gz` };
  const create = (service: App, by = key) => callAs(service, by, 'POST', API, source);

  const creations = [...replicas, ...replicas, ...replicas].map((service) => create(service));
  const refusals: Answer[] = [];
  for (const creation of creations) {
    void creation.then((answer) => {
      if (answer.status === 409) refusals.push(answer);
    });
  }
  while (refusals.length < creations.length - 2) await setImmediate();
  const message = 'You have 3 dockboxes, as many as you may: delete one first.';
  t.match(refusals[0]?.body, { code: 'DBX_QUOTA', message });
  gate.open();
  // What could not be fetched has gone again.
  t.strictSame(statuses(await Promise.all(creations)), [409, 409, 409, 409, 422, 422]);
  for (const name of ['two', 'three']) await insertBoxOf(app, 'ana', name);
  t.equal((await create(app)).status, 409);
  t.equal((await create(app, admin)).status, 422, 'an admin has no limit');
  t.equal((await callAs(app, key, 'DELETE', `${API}/two`)).status, 204);
  t.equal((await create(app)).status, 422, 'and who deleted one may make one');
});

t.test('an owner has as many boxes running as they may', async (t) => {
  const [app] = await startReplicas(t, { OWNER_MAX_RUNNING: '1' });
  const { key } = await makeKey(app);
  const id = await createBoxOf(t, app, key);
  const stopped = await insertBoxOf(app, 'ana');
  const connect = (box: string) => handshake(t, app, `${API}/ws/${box}`, { headers: bearer(key) });

  t.match(await connect(stopped), { status: 409, code: 'DBX_QUOTA' });
  t.equal((await callAs(app, key, 'POST', API, await startSource(t))).body.code, 'DBX_QUOTA');
  t.equal((await connect(id)).status, 101, 'one that runs already');
  t.equal((await callAs(app, key, 'POST', `${API}/${id}/stop`)).status, 200);
  t.equal((await connect(stopped)).status, 101);
});

t.test(
  'an owner has as many terminals open as they may, though they open them at the same time',
  async (t) => {
    const replicas = await startReplicas(t, { OWNER_MAX_TERMINALS: '2' });
    const [app] = replicas;
    const { key } = await makeKey(app);
    const id = await createBoxOf(t, app, key);
    const open = (service: App) => handshake(t, service, `${API}/ws/${id}`, { headers: bearer(key) });
    const opened = await Promise.all([...replicas, ...replicas, ...replicas].map(open));
    const refusals = opened.filter(({ status }) => status === 409).map(({ code }) => code);
    // Those who were let in while there was a place are told once there is none left.
    for (const { status, closed } of opened) {
      if (status === 101) void closed.then(({ code, reason }) => refusals.push(`${code} ${reason}`));
    }
    while (refusals.length < opened.length - 2) await setImmediate();
    for (const refusal of refusals) t.match(refusal, /^DBX_QUOTA$|^1008 You have 2 terminals open/);
    t.equal((await app.pg.pool.query('select from connection')).rowCount, 2);
    t.match(await open(app), { status: 409, code: 'DBX_QUOTA' });
  },
);

t.test('an owner makes as many boxes in a minute as they may', async (t) => {
  const replicas = await startReplicas(t, { OWNER_CREATES_PER_MINUTE: '4' });
  const [app] = replicas;
  const { key } = await makeKey(app);
  const { key: bob } = await makeKey(app, { owner: 'bob' });
  const source = await startSource(t);
  const create = (service: App, by: string) => callAs(service, by, 'POST', API, source);
  const answers = await Promise.all(
    [...replicas, ...replicas, ...replicas].map((service) => create(service, key)),
  );
  t.strictSame(statuses(answers), [422, 422, 422, 422, 429, 429]);
  const refused = answers.find(({ status }) => status === 429);
  const wait = Number(refused?.headers.get('retry-after'));
  t.ok(wait >= 1 && wait <= 15, `again in ${wait} s`);
  t.match(refused?.body, { code: 'DBX_RATE', message: `try again in ${wait} s` });
  t.equal((await create(app, bob)).status, 422, 'others may');
  await app.pg.pool.query(
    `update creation_rate set empty_at = empty_at - interval '15 s' where owner = 'ana'`,
  );
  t.equal((await create(app, key)).status, 422, 'a quarter of a minute later');
  t.equal((await create(app, key)).status, 429);
});
