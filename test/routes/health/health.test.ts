import t from 'tap';
import { startApp } from '../../helpers/app.js';
import { call } from '../../helpers/client.js';
import { startEngineRelay } from '../../helpers/engine-relay.js';
import { startRelay } from '../../helpers/relay.js';

t.test('a service that can serve', async (t) => {
  const app = await startApp(t);

  t.match(await call(app, 'GET', '/health'), { status: 200, body: { status: 'ok' } });
  t.match(await call(app, 'GET', '/health/ready'), {
    status: 200,
    body: { status: 'ok', database: 'ok', engine: 'ok' },
  });
  t.match(await call(app, 'GET', '/'), { status: 200, body: { name: 'dockbox' } });
});

t.test('a service whose database has gone silent lives, and is not ready', async (t) => {
  const { DATABASE_HOST, DATABASE_PORT } = process.env;
  const database = await startRelay(t, `http://${DATABASE_HOST}:${DATABASE_PORT}`);
  const { hostname, port } = new URL(database.base);
  const app = await startApp(t, { DATABASE_HOST: hostname, DATABASE_PORT: port });

  database.cut();
  t.equal((await call(app, 'GET', '/health')).status, 200);
  t.match(await call(app, 'GET', '/health/ready'), {
    status: 503,
    body: { status: 'unavailable', database: 'unavailable', engine: 'ok' },
  });
  database.join();
});

t.test(
  'however many ask at the same time whether it can serve, its engine is not asked for each',
  async (t) => {
    const relay = await startEngineRelay(t);
    const app = await startApp(t, { DOCKER_SERVER_HOST: relay.base });
    const askers = 20;
    let asked = 0;
    const all = new Promise<void>((resolve) => {
      app.server.on('request', () => {
        asked += 1;
        if (asked === askers) resolve();
      });
    });

    const looks = relay.hold(/ \/_ping/);
    const answers = Array.from({ length: askers }, () => call(app, 'GET', '/health/ready'));
    await Promise.all([looks, all]);
    // On a swarm, at times the node as well, which has the same engine.
    t.ok(relay.release() <= 2);
    for (const answer of answers) t.match(await answer, { status: 200, body: { engine: 'ok' } });
  },
);

t.test('what there is none of', async (t) => {
  const app = await startApp(t);
  t.match(await call(app, 'GET', '/v1/dockboxes'), {
    status: 404,
    body: { statusCode: 404, code: 'DBX_NO_ROUTE', error: 'Not Found', message: /\/docs/ },
  });
});

t.test('the OpenAPI document names every operation', async (t) => {
  const app = await startApp(t);
  const { status, body } = await call(app, 'GET', '/openapi.json');
  t.equal(status, 200);
  const operations = Object.values(body.paths as Record<string, Record<string, { operationId: string }>>)
    .flatMap((methods) => Object.values(methods))
    .map(({ operationId }) => operationId);
  t.same(operations.sort(), [
    'connectTerminal',
    'createDockbox',
    'createKey',
    'createShare',
    'createTicket',
    'deleteDockbox',
    'endTerminal',
    'getDockbox',
    'getHealth',
    'getMetrics',
    'getReadiness',
    'getService',
    'getSession',
    'listDockboxes',
    'listKeys',
    'listShares',
    'listTerminals',
    'resizeTerminal',
    'revokeKey',
    'revokeShare',
    'signIn',
    'signOut',
    'stopDockbox',
  ]);
  t.equal((await fetch(`${app.base}/docs/`)).status, 200);
});
