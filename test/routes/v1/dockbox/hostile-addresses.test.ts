import net from 'node:net';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { startApp } from '../../../helpers/app.js';
import type { Service } from '../../../helpers/client.js';
import { insertBoxOf, makeKey } from '../../../helpers/credentials.js';

/** Sends a request as it is: no client of ours puts the path in order first. @returns its status */
async function raw({ base }: Service, method: string, path: string, key: string): Promise<number> {
  const { hostname, port } = new URL(base);
  const socket = net.connect(Number(port), hostname);
  socket.write(
    `${method} ${path} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAuthorization: Bearer ${key}\r\nConnection: close\r\n\r\n`,
  );
  return Number((await text(socket)).split(' ')[1]);
}

t.test('no way of writing an address leads to what is another’s', async (t) => {
  const app = await startApp(t, { AUTH: 'token' });
  const { key: bob } = await makeKey(app, { owner: 'bob' });
  const { key: admin } = await makeKey(app, { owner: 'root', scope: 'admin' });
  const id = await insertBoxOf(app, 'ana', 'anas');
  await insertBoxOf(app, 'bob', 'bobs');
  const share = await app.auth.tickets.create(await app.auth.authenticate({ bearer: admin }), {
    ...{ kind: 'share', boxId: id, expiresIn: 60 },
  });

  for (const address of [
    id,
    id.toUpperCase(),
    id.replaceAll('-', ''),
    `{${id}}`,
    'anas',
    'ANAS',
    '%61nas',
    '%2561nas',
    'anas%00',
    'anas%20',
    'anas%2F',
    'bobs%2F..%2Fanas',
    'bobs/../anas',
    '../dockbox/anas',
    './anas',
    '/anas',
    'anas;a=b',
    'anas%3Fx',
    "anas'%20or%20'1'='1",
    '%',
    '%ff',
    'a'.repeat(65),
    '*',
    '..',
  ]) {
    for (const [method, suffix] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/stop'],
      ['GET', '/terminals'],
      ['GET', '/shares'],
      ['DELETE', `/shares/${share.id}`],
      ['DELETE', '/terminals/main'],
    ] as const) {
      const status = await raw(app, method, `/v1/dockbox/${address}${suffix}`, bob);
      t.ok(status >= 400 && status < 500, `${method} ${address}${suffix}: ${status}`);
    }
  }
  const { rows } = await app.pg.pool.query('select id from dockbox where id = $1 and deleted_at is null', [
    id,
  ]);
  t.equal(rows.length, 1, 'it is still there');
  t.equal((await app.auth.tickets.shares(id)).length, 1, 'and its share');
});

t.test('a share of one box ends no share of another', async (t) => {
  const app = await startApp(t, { AUTH: 'token' });
  const { key } = await makeKey(app, { owner: 'ana' });
  const { key: bob } = await makeKey(app, { owner: 'bob' });
  const ana = await app.auth.authenticate({ bearer: key });
  const id = await insertBoxOf(app, 'ana');
  await insertBoxOf(app, 'bob', 'bobs');
  const { id: share } = await app.auth.tickets.create(ana, { kind: 'share', boxId: id, expiresIn: 60 });
  t.equal(await raw(app, 'DELETE', `/v1/dockbox/bobs/shares/${share}`, bob), 404);
  t.equal(await raw(app, 'DELETE', `/v1/dockbox/${id}/shares/${share}`, bob), 404);
  t.equal(await raw(app, 'DELETE', `/v1/dockbox/${id}/shares/${share}`, key), 204);
});

t.test('no name of a terminal is more than a name', async (t) => {
  const app = await startApp(t, { AUTH: 'token' });
  const { key } = await makeKey(app);
  const id = await insertBoxOf(app, 'ana');
  for (const terminal of [
    '..',
    '%2e%2e',
    'a%2Fb',
    'a;b',
    'a%20b',
    '-t',
    '%00',
    '%0a',
    'a'.repeat(33),
    '$(id)',
    '=a',
  ]) {
    for (const [method, suffix] of [
      ['DELETE', ''],
      ['POST', '/size'],
    ] as const) {
      const status = await raw(app, method, `/v1/dockbox/${id}/terminals/${terminal}${suffix}`, key);
      t.ok(status === 400 || status === 404, `${method} ${terminal}${suffix}: ${status}`);
    }
  }
});
