import t, { type Test } from 'tap';
import { startApp } from './helpers/app.js';
import { createBox } from './helpers/box.js';
import { call, connect, type TerminalClient, until } from './helpers/client.js';
import { eventually } from './helpers/engine-faults.js';
import { openScreen } from './helpers/screen.js';

const MIB = 1024 ** 2;

t.test('a box that fills the disk', async (t) => {
  const app = await startApp(t, {
    BOX_DISK_BYTES: String(64 * MIB),
    DISK_CHECK_SECONDS: '0.5',
    BOX_PIDS: '60',
  });
  await createBox(t, app, { name: 'neighbour' });
  const neighbour = await connect(t, app, 'neighbour');

  const excess = async (name: string): Promise<number | null> => {
    const { rows } = await app.pg.pool.query('select disk_excess from dockbox where name = $1', [name]);
    return rows[0].disk_excess === null ? null : Number(rows[0].disk_excess);
  };
  /** Waits until a box has been measured anew, after whatever was done to it. */
  const measured = async (t: Test, name: string) => {
    const read = async () => {
      const { rows } = await app.pg.pool.query('select disk_checked_at at from dockbox where name = $1', [
        name,
      ]);
      return Number(rows[0].at);
    };
    // One may have been at work: the next one is complete when the one after it begins.
    for (let times = 0; times < 2; times++) {
      const before = await read();
      await eventually(t, 'it is measured', async () => (await read()) > before);
    }
  };
  const isStopped = async (t: Test, client: TerminalClient) => {
    t.match(await client.closed, {
      code: 1001,
      reason: /stopped, as it takes more disk than it may: connect again and delete/,
    });
  };

  for (const [what, file] of [
    ['with files in its workspace', '/workspace/fill'],
    ['with files elsewhere', '/var/tmp/fill'],
    ['with files in /tmp', '/tmp/fill'],
  ]) {
    await t.test(`${what} is stopped, and may be cleaned up`, async (t) => {
      const name = `box${file?.replaceAll('/', '-')}`;
      await createBox(t, app, { name });
      const client = await connect(t, app, name);
      client.type(`head -c 80M /dev/zero >${file}\r`);
      await isStopped(t, client);
      await until(app, name, ({ body }) => body.running === false);
      t.ok(((await excess(name)) ?? 0) > 64 * MIB);

      const screen = await openScreen(t, app, name, { cols: 120 });
      await screen.shows(/takes more disk than it may: delete some files/);
      await measured(t, name);
      screen.type(`rm ${file}; echo del"eted"\r`);
      await screen.shows(/^deleted$/m);
      await eventually(t, 'it is within its limit again', async () => (await excess(name)) === null);
      await screen.leave();
    });
  }

  await t.test('and grows on is stopped again', async (t) => {
    await createBox(t, app, { name: 'stubborn' });
    for (const file of ['a', 'b', 'c']) {
      const client = await connect(t, app, 'stubborn');
      client.type(`head -c 80M /dev/zero >${file}\r`);
      await isStopped(t, client);
    }
    t.equal(await excess('stubborn'), 128 * MIB, 'it may keep twice as much as it may take, and no more');
  });

  await t.test('and has no process to spare for being measured is stopped, too', async (t) => {
    await createBox(t, app, { name: 'full' });
    const client = await connect(t, app, 'full');
    client.type('for n in {1..70}; do sleep 1000 & done 2>/dev/null\r');
    client.type("printf '%*s' 80000000 >fill\r");
    await isStopped(t, client);
  });

  await t.test('and is measured without a link being followed, or a neighbour noticing', async (t) => {
    neighbour.type('ln -s / all; ln -s /proc kernel; echo go"es" on\r');
    await neighbour.shows(/^goes on/m);
    await measured(t, 'neighbour');
    t.match((await call(app, 'GET', '/v1/dockbox/neighbour')).body, { running: true, connections: 1 });
    t.equal(await excess('neighbour'), null);
  });
});
