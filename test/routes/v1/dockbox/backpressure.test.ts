import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { createBox } from '../../../helpers/box.js';
import { connect } from '../../../helpers/client.js';
import { makeDeployment } from '../../../helpers/deployment.js';
import { type Server, startServer } from '../../../helpers/server.js';

const MIB = 1024 ** 2;

/** Follows a server's memory. @returns a function that ends this, and tells by how many bytes it has grown at most */
async function watchMemory(t: Test, server: Server): Promise<() => number> {
  const before = await server.memory();
  let most = before;
  const timer = setInterval(async () => {
    most = Math.max(most, await server.memory());
  }, 50);
  t.teardown(() => clearInterval(timer));
  return () => {
    clearInterval(timer);
    return most - before;
  };
}

t.test('a server holds little, however slow the other side', async (t) => {
  const server = await startServer(t, await makeDeployment(t));
  await createBox(t, server);
  // What a first terminal loads and compiles is no growth.
  const first = await connect(t, server, 'box');
  first.type('yes | head -c 20000000; echo do""ne\r');
  await first.shows(/^done/m);
  first.socket.close();

  await t.test('200 MB of output to a reader that stops for 5 s', async (t) => {
    const client = await connect(t, server, 'box');
    const { socket } = client;
    await client.shows(/[$#]/);
    const growth = await watchMemory(t, server);
    let received = 0;
    const all = new Promise<void>((resolve) => {
      socket.on('message', (data: Buffer) => {
        client.forget();
        received += data.filter((byte) => byte === 0x78).length;
        if (received >= 200_000_000) resolve();
      });
    });
    client.type('head -c 200000000 /dev/zero | tr "\\0" x\r');
    while (received < 1_000_000) await delay(10);
    socket.pause();
    await delay(5000);
    t.ok(received < 200_000_000, 'it was still to come');
    socket.resume();
    await all;
    t.ok(growth() < 50 * MIB, `grew by ${growth()} bytes`);
  });

  await t.test('64 MB of input to a shell that does not read for 5 s', async (t) => {
    const client = await connect(t, server, 'box');
    client.type('stty raw -echo; echo rea""dy; sleep 5; head -c 67108864 | wc -c\r');
    await client.shows(/^ready/m);
    const growth = await watchMemory(t, server);
    const chunk = Buffer.alloc(64 * 1024, 'x');
    for (let i = 0; i < 1024; i++) client.type(chunk);
    await client.shows(/^67108864/m);
    t.ok(growth() < 50 * MIB, `grew by ${growth()} bytes`);
  });
});
