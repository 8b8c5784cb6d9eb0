import t, { type Test } from 'tap';
import { startApp } from './helpers/app.js';
import { createBox } from './helpers/box.js';
import { call, connect } from './helpers/client.js';
import { openScreen } from './helpers/screen.js';

const MIB = 1024 ** 2;

t.test('a box that takes all that it can get', async (t) => {
  const app = await startApp(t, { BOX_MEMORY_BYTES: String(128 * MIB), BOX_PIDS: '80' });
  await createBox(t, app, { name: 'greedy' });
  await createBox(t, app, { name: 'neighbour' });
  const neighbour = await connect(t, app, 'neighbour');

  /** The neighbour's terminal that was open all the time, a new one, and the server. */
  async function othersGoOn(t: Test): Promise<void> {
    const another = await connect(t, app, 'neighbour');
    for (const client of [neighbour, another]) {
      client.forget();
      client.type('echo go"es" on; cat /workspace/src/README\r');
      await client.shows(/^goes on/m);
      await client.shows(/^hello/m);
    }
    another.socket.close();
    t.equal((await call(app, 'GET', '/health/ready')).status, 200);
  }

  /** Types a command in the greedy box and waits until its user is told what it came to. */
  async function greedily(t: Test, command: string, told: RegExp): Promise<void> {
    const screen = await openScreen(t, app, 'greedy', { cols: 200 });
    screen.type(`clear; ${command}\r`);
    await screen.shows(told);
    await othersGoOn(t);
    await screen.leave();
  }

  await t.test('of processes: what forks is told that there are no more', async (t) => {
    await greedily(t, 'bomb() { bomb | bomb & }; bomb', /fork: .*Resource temporarily unavailable/);
    t.equal((await call(app, 'POST', '/v1/dockbox/greedy/stop')).status, 200);
  });

  await t.test('of processes that stay: nobody else gets a terminal, and is told why', async (t) => {
    await greedily(t, 'for n in {1..100}; do sleep 1000 & done', /fork: .*Resource temporarily unavailable/);
    const client = await connect(t, app, 'greedy');
    t.match(await client.closed, { reason: /all the processes or memory that it may: end some, or stop it/ });
    t.equal((await call(app, 'POST', '/v1/dockbox/greedy/stop')).status, 200);
    const again = await connect(t, app, 'greedy');
    again.type('cat src/README\r');
    await again.shows(/^hello/m);
  });

  await t.test('of memory', (t) => greedily(t, "bash -c 'a=x; while :; do a=$a$a; done'", /Killed/));

  await t.test('of /dev/shm', (t) =>
    greedily(t, 'head -c 1G /dev/zero >/dev/shm/fill; rm /dev/shm/fill', /No space left on device/),
  );

  await t.test('of inotify instances, which the kernel counts by user, of all boxes together', (t) => {
    const take = `my $call = (\`uname -m\` =~ /aarch64/) ? 26 : 294; 1 while syscall($call, 0) >= 0; print "$!"; sleep 1`;
    return greedily(t, `perl -e '$| = 1; ${take}'`, /Too many open files/);
  });

  await t.test('of open files', (t) =>
    greedily(
      t,
      "bash -c 'for n in {1..20000}; do exec {fd}</dev/null || break; done'",
      /Too many open files/,
    ),
  );
});
