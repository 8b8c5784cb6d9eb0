import t from 'tap';
import { hangUpCommand } from '../../lib/terminals/commands.js';
import { startApp } from '../helpers/app.js';
import { createBox } from '../helpers/box.js';
import { call, connect } from '../helpers/client.js';
import { openScreen } from '../helpers/screen.js';

t.test('a terminal whose container dies by itself says how', async (t) => {
  const app = await startApp(t, { BOX_MEMORY_BYTES: String(64 * 1024 ** 2) });
  const id = await createBox(t, app);
  const container = () => app.deployment.container(id);

  const connectAgain = async () => {
    const client = await connect(t, app, 'box');
    client.type('cat src/README\r');
    await client.shows(/^hello/m);
    t.match((await call(app, 'GET', '/v1/dockbox/box')).body, { running: true, connections: 1 });
    return client;
  };

  await t.test('killed from outside', async (t) => {
    const client = await connectAgain();
    await (await container()).kill();
    t.match(await client.closed, { code: 1011, reason: /ended, not by dockbox.*connect again/ });
    t.match(client.output.toString(), /ended, not by dockbox/, 'in the terminal, too');
  });

  await t.test('removed by an administrator', async (t) => {
    const client = await connectAgain();
    await (await container()).remove({ force: true });
    t.match(await client.closed, { code: 1011, reason: /removed: connect again/ });
  });

  await t.test('killed and started again at once, by somebody else', async (t) => {
    for (const terminal of ['', 'main']) {
      const client = await openScreen(t, app, 'box', { query: { terminal } });
      await client.shows(/[$#]/);
      await (await container()).restart({ t: 0 });
      // A swarm removes it, and starts another.
      const reason = /(restarted|ended, not by dockbox|removed).*connect again/;
      t.match(await client.closed, { code: 1011, reason });
    }
  });

  await t.test('and what is hung up late is not whoever has the number of its process by now', async () => {
    const client = await connectAgain();
    client.type('echo "pid=$$."\r');
    const [, pid = ''] = /pid=(\d+)\./.exec(await client.shows(/pid=\d+\./)) ?? [];
    await app.deployment.run(id, ...hangUpCommand({ pid, began: '1' }, true));
    client.type('echo st""ill here\r');
    await client.shows(/^still here/m);
    client.socket.close();
    await client.closed;
  });

  await t.test('out of memory, by name', async (t) => {
    const client = await connectAgain();
    // The shell itself grows, so that it is what the kernel ends.
    client.type('a=x; while :; do a=$a$a; done\r');
    t.match(await client.closed, { code: 1000, reason: /killed: the dockbox ran out of memory/ });
  });

  await t.test('killed in the box, it is just that', async (t) => {
    const client = await connectAgain();
    client.type('kill -9 $$\r');
    t.match(await client.closed, { code: 1000, reason: /killed/ });
  });

  await t.test('and the next connection repairs it', connectAgain);
});
