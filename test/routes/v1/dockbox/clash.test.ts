import t, { type Test } from 'tap';
import { startApp, startReplica } from '../../../helpers/app.js';
import { tarGz } from '../../../helpers/archives.js';
import { call, connect, type Service, type TerminalClient, until } from '../../../helpers/client.js';
import { serve, startHttpServer } from '../../../helpers/http-server.js';

const ROUNDS = 12;

async function startSource(t: Test): Promise<string> {
  const archive = tarGz([{ name: 'hello/README', content: 'hello\n' }]);
  return `${(await startHttpServer(t, serve({ '/hello.tar.gz': archive }))).url}/hello.tar.gz`;
}

/** @returns the items in an order of chance */
function shuffle<Item>(items: Item[]): Item[] {
  const drawn = items.map((item) => ({ item, key: Math.random() }));
  return drawn.sort((a, b) => a.key - b.key).map(({ item }) => item);
}

t.test('of two creations with one name at the same time, one is told that it is taken', async (t) => {
  const app = await startApp(t);
  const replicas = [app, await startReplica(t, app.deployment)];
  const url = await startSource(t);
  const answers = await Promise.all(
    replicas.map((replica) => call(replica, 'POST', '/v1/dockbox', { url, name: 'wanted' })),
  );
  t.strictSame(new Set(answers.map(({ status }) => status)), new Set([201, 409]));
  t.equal((await app.deployment.rows()).length, 1);
});

t.test('all that can happen to a box at once, on two replicas, ends as it should', async (t) => {
  const app = await startApp(t, { IDLE_TIMEOUT_SECONDS: '0', SWEEP_SECONDS: '0.2' });
  const { deployment } = app;
  const replicas = [app, await startReplica(t, deployment)];
  const url = await startSource(t);

  /** Connects, as often as it is told to, and waits for the end, which the deletion brings. @returns the close code, or the handshake's status */
  const use = async (service: Service, name: string): Promise<number> => {
    const client = await connect(t, service, name).catch(({ message }: Error) => message);
    const refused = typeof client === 'string' && Number(/\d{3}$/.exec(client)?.[0]);
    const code = refused || (await (client as TerminalClient).closed).code;
    return code === 503 || code === 1012 ? use(service, name) : code;
  };

  for (let round = 0; round < ROUNDS; round++) {
    const name = `box-${round}`;
    const any = () => replicas[Math.floor(Math.random() * 2)] as Service;
    const creating = call(any(), 'POST', '/v1/dockbox', { url, name });
    // Every other round it is still being created.
    await until(app, name, ({ body }) => body.status === (round % 2 ? 'ready' : 'creating'));
    const { id } = (await call(app, 'GET', `/v1/dockbox/${name}`)).body;

    /** Asks again while it is told to: on a busy machine a row can be locked for longer than anybody waits for it. */
    const ask = async (method: string, path = ''): Promise<number> => {
      const { status } = await call(any(), method, `/v1/dockbox/${name}${path}`);
      return status === 503 ? ask(method, path) : status;
    };
    const acts: Record<string, () => Promise<number>> = {
      delete: () => ask('DELETE'),
      'delete again': () => ask('DELETE'),
      stop: () => ask('POST', '/stop'),
      'stop again': () => ask('POST', '/stop'),
      connect: () => use(any(), name),
      'connect again': () => use(any(), name),
    };
    const order = shuffle(Object.keys(acts));
    const results = await Promise.all(order.map(async (act) => `${act}: ${await acts[act]?.()}`));
    results.push(`create: ${(await creating).status}`);

    const story = results.join(', ');
    const expected =
      /^((delete|delete again): (204|404)|(stop|stop again): (200|404|409)|(connect|connect again): (404|409|1001)|create: (201|202|409)|, )+$/;
    t.match(story, expected, story);
    t.match(story, /delete( again)?: 204/, 'it was deleted');
    t.notOk((await deployment.rows()).includes(id), `no row is left: ${story}`);
    t.notOk((await deployment.workspaces()).includes(id), `no workspace is left: ${story}`);
    t.notOk(
      (await deployment.containers()).some((container) => container.endsWith(id)),
      `no container is left: ${story}`,
    );
  }
});
