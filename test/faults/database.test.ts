import t from 'tap';
import { createBox } from '../helpers/box.js';
import { call, connect, type TerminalClient, until } from '../helpers/client.js';
import { startDatabase } from '../helpers/database.js';
import { makeDeployment } from '../helpers/deployment.js';
import { startRelay } from '../helpers/relay.js';
import { startServer } from '../helpers/server.js';

const API = '/v1/dockbox';
const sweeping = { IDLE_TIMEOUT_SECONDS: '1', SWEEP_SECONDS: '0.1' };
const away = { status: 503, body: { code: 'DBX_DATABASE_UNAVAILABLE', message: /try again/ } };

async function echoes(client: TerminalClient): Promise<void> {
  client.forget();
  client.type('echo he""re\r');
  await client.shows(/^here/m);
}

for (const [how, signal] of [
  ['stopped', 'SIGINT'],
  ['killed', 'SIGQUIT'],
] as const) {
  t.test(`a database that is ${how} and comes back`, async (t) => {
    const database = await startDatabase(t);
    const deployment = await makeDeployment(t, { ...sweeping, LEASE_SECONDS: '15', ...database.variables });
    const server = await startServer(t, deployment);
    const id = await createBox(t, server);
    const staying = await connect(t, server, 'box');
    const leaving = await connect(t, server, 'box');
    await Promise.all([echoes(staying), echoes(leaving)]);

    await database.end(signal);

    await t.test('requests are told to come again', async (t) => {
      const answers = [
        await call(server, 'GET', `${API}/box`),
        await call(server, 'GET', API),
        await call(server, 'POST', `${API}/box/stop`),
        await call(server, 'DELETE', `${API}/box`),
        await call(server, 'POST', API, { url: 'http://127.0.0.1/a.zip' }),
      ];
      for (const answer of answers) {
        t.match(answer, away);
        t.match(answer.headers.get('retry-after'), /^\d+$/);
      }
      await t.rejects(connect(t, server, 'box'), /503/);
    });

    await t.test('it lives, and is not ready', async (t) => {
      t.equal((await call(server, 'GET', '/health')).status, 200);
      t.match(await call(server, 'GET', '/health/ready'), { status: 503, body: { database: 'unavailable' } });
    });

    await t.test('open terminals go on', async () => {
      await echoes(staying);
      leaving.socket.close();
      await leaving.closed;
    });

    await database.start();

    await t.test('it recovers by itself, with the right count', async (t) => {
      await until(server, 'box', ({ status, body }) => status === 200 && body.connections === 1);
      await echoes(staying);
      t.equal((await call(server, 'GET', '/health/ready')).status, 200);
      t.match((await call(server, 'GET', `${API}/box`)).body, { id, running: true });
    });

    await t.test('and stops what is idle', async () => {
      staying.socket.close();
      await until(server, 'box', ({ body }) => body.running === false && body.connections === 0);
    });
  });
}

t.test('a replica that is cut off from the database', async (t) => {
  const deployment = await makeDeployment(t, { ...sweeping, LEASE_SECONDS: '3' });
  const { DATABASE_HOST, DATABASE_PORT } = deployment.env;
  const line = await startRelay(t, `http://${DATABASE_HOST}:${DATABASE_PORT}`);
  const lost = await startServer(t, deployment, { DATABASE_PORT: new URL(line.base).port });
  const other = await startServer(t, deployment);
  await createBox(t, other);
  const client = await connect(t, lost, 'box');
  await echoes(client);

  line.cut();

  await t.test('sends its clients elsewhere before their box is stopped', async (t) => {
    t.match(await client.closed, { code: 1012, reason: /lost its database/ });
  });

  await t.test('is counted out by the others', async () => {
    await until(other, 'box', ({ body }) => body.connections === 0);
    await until(other, 'box', ({ body }) => body.running === false);
  });

  line.join();
  await t.test('and comes back by itself', async (t) => {
    await until(lost, 'box', ({ status }) => status === 200);
    const again = await connect(t, lost, 'box');
    await echoes(again);
    await until(other, 'box', ({ body }) => body.connections === 1 && body.running);
    again.socket.close();
  });
});
