import { once } from 'node:events';
import net from 'node:net';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { startApp } from '../helpers/app.js';
import type { Scope } from '../helpers/scope.js';

const ASK = 'GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n';

async function connect(t: Scope, port: number): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

async function ask(socket: net.Socket): Promise<string> {
  socket.write(ASK);
  return text(socket);
}

t.test('an address that has as many connections open as it may', async (t) => {
  const app = await startApp(t, { CONNECTIONS_PER_ADDRESS: '2' });
  const port = Number(new URL(app.base).port);
  const first = await connect(t, port);
  const second = await connect(t, port);

  await t.test('is told so, and may open no more', async (t) => {
    const answer = await text(await connect(t, port));
    t.match(answer, /^HTTP\/1\.1 503 /);
    t.match(JSON.parse(answer.split('\r\n\r\n')[1] ?? ''), {
      statusCode: 503,
      code: 'DBX_TOO_MANY_CONNECTIONS',
    });
  });

  await t.test('goes on with those that it has', async (t) => {
    t.match(await ask(first), /^HTTP\/1\.1 200 /);
  });

  await t.test('may open another when one is closed', async (t) => {
    t.match(await ask(await connect(t, port)), /^HTTP\/1\.1 200 /);
    t.match(await ask(second), /^HTTP\/1\.1 200 /);
  });
});

t.test('a client that takes its time', async (t) => {
  const app = await startApp(t);
  const port = Number(new URL(app.base).port);
  const head = await connect(t, port);
  head.write('GET /health HTTP/1.1\r\nhost: localhost\r\n');
  const body = await connect(t, port);
  body.write('POST /v1/dockbox HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n');
  body.write('content-length: 100\r\n\r\n{');
  const answers = Promise.all([text(head), text(body)]);

  await t.test('keeps nobody else waiting', async (t) => {
    t.match(await ask(await connect(t, port)), /^HTTP\/1\.1 200 /);
  });

  await t.test('is cut off, with the head of a request and with its body, and told why', async (t) => {
    for (const answer of await answers) t.match(answer, /^HTTP\/1\.1 408 /);
  });
});
