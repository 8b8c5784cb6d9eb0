import { once } from 'node:events';
import t from 'tap';
import WebSocket from 'ws';
import { buildApp } from '../../app.js';
import { type App, startApp } from '../helpers/app.js';
import { call } from '../helpers/client.js';

const list = (app: { base: string }, headers: Record<string, string> = {}) =>
  call(app, 'GET', '/v1/dockbox?limit=1', undefined, headers);
const from = (address: string) => ({ 'x-forwarded-for': address });

/** Asks from an address until it is refused. @returns how often it was served, and the refusal */
async function exhaust(app: App, headers: Record<string, string> = {}) {
  for (let served = 0; ; served += 1) {
    const answer = await list(app, headers);
    if (answer.status !== 200) return { served, answer };
  }
}

t.test('an address that asks too often', async (t) => {
  const app = await startApp(t, { REQUESTS_PER_MINUTE: '5' });
  const { served, answer } = await exhaust(app);

  await t.test('is told when to try again', (t) => {
    t.equal(served, 5);
    t.equal(answer.status, 429);
    t.match(answer.body, { code: 'DBX_TOO_MANY_REQUESTS', message: /try again in \d+ seconds/ });
    const seconds = Number(answer.headers.get('retry-after'));
    t.ok(seconds > 0 && seconds <= 60, `Retry-After is ${seconds}`);
    t.end();
  });

  await t.test('is refused by every replica', async (t) => {
    const other = await buildApp(app.deployment.env);
    t.teardown(() => other.close());
    const base = await other.listen({ host: '127.0.0.1', port: 0 });
    t.equal((await list({ base })).status, 429);
  });

  await t.test('is refused wherever it could try a credential', async (t) => {
    t.equal((await call(app, 'GET', '/metrics')).status, 429);
  });

  await t.test('does not hide behind a header that nobody trusts', async (t) => {
    t.equal((await list(app, from('203.0.113.7'))).status, 429);
  });

  await t.test('still learns whether the service lives', async (t) => {
    for (const path of ['/', '/health', '/health/ready', '/openapi.json']) {
      t.equal((await call(app, 'GET', path)).status, 200, path);
    }
  });

  await t.test('is served again when its minute is over', async (t) => {
    await app.pg.pool.query("update rate set began_at = began_at - interval '1 minute'");
    t.equal((await list(app)).status, 200);
  });
});

t.test('behind a proxy that is trusted', async (t) => {
  const app = await startApp(t, { REQUESTS_PER_MINUTE: '3', TRUST_PROXY: 'true' });

  await t.test('clients are told apart by the address that it forwards', async (t) => {
    t.equal((await exhaust(app, from('203.0.113.1'))).served, 3);
    t.equal((await exhaust(app, from('203.0.113.2'))).served, 3);
  });

  await t.test('an IPv6 /64 is one client', async (t) => {
    t.equal((await exhaust(app, from('2001:db8::1'))).served, 3);
    t.equal((await list(app, from('2001:db8::2'))).status, 429);
    t.equal((await list(app, from('2001:db8:0:1::1'))).status, 200);
  });
});

t.test('behind one proxy, nobody is taken for the address that he has made up', async (t) => {
  const app = await startApp(t, { REQUESTS_PER_MINUTE: '3', TRUST_PROXY: '1' });
  t.equal((await exhaust(app, from('203.0.113.1'))).served, 3);
  t.equal((await list(app, from('198.51.100.7, 203.0.113.1'))).status, 429);
  t.equal((await list(app, from('203.0.113.1, 198.51.100.7'))).status, 200);
});

t.test('an address that connects terminals too often is refused before the upgrade', async (t) => {
  const app = await startApp(t, { CONNECTS_PER_MINUTE: '2' });
  const handshake = async () => {
    const socket = new WebSocket(`${app.base.replace('http', 'ws')}/v1/dockbox/ws/none`);
    const [, response] = await once(socket, 'unexpected-response');
    response.resume();
    return response.statusCode;
  };
  t.strictSame([await handshake(), await handshake(), await handshake()], [404, 404, 429]);
  t.equal((await list(app)).status, 200, 'and may still ask');
});

t.test('a server whose event loop is late', async (t) => {
  const app = await startApp(t, { MAX_EVENT_LOOP_DELAY_MS: '30' });
  let busy = true;
  t.teardown(() => {
    busy = false;
  });
  const keepBusy = () => {
    const until = performance.now() + 60;
    while (performance.now() < until);
    if (busy) setImmediate(keepBusy);
  };
  keepBusy();

  await t.test('refuses what is new, and says that it is for a moment', async (t) => {
    let answer = await list(app);
    while (answer.status === 200) answer = await list(app);
    t.equal(answer.status, 503);
    t.equal(answer.body.code, 'DBX_OVERLOADED');
    t.ok(answer.headers.has('retry-after'));
  });

  await t.test('tells its load balancer that it lives', async (t) => {
    t.equal((await call(app, 'GET', '/health')).status, 200);
  });

  await t.test('serves again when it has caught up', async (t) => {
    busy = false;
    while ((await list(app)).status !== 200);
    t.pass();
  });
});

t.test('a head that is too large is refused', async (t) => {
  const app = await startApp(t);
  const answer = await call(app, 'GET', '/health', undefined, { 'x-large': 'x'.repeat(20_000) });
  t.equal(answer.status, 431);
});
