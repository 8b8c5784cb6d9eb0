import { writeFile } from 'node:fs/promises';
import t from 'tap';
import { createBox } from './helpers/box.js';
import { call, connect } from './helpers/client.js';
import { makeHome, runService } from './helpers/service.js';

t.test('a service that was killed', async (t) => {
  const home = await makeHome(t);
  const first = await runService(t, home);
  const id = await createBox(t, first);
  const client = await connect(t, first, 'box');
  client.type('echo kept >file; echo sa""ved\r');
  await client.shows(/^saved/m);
  const postmaster = await home.postmaster();
  t.equal(await first.program.end('SIGKILL'), 'SIGKILL');

  const second = await runService(t, home);
  // Deleted by the last subtest already, unless one before it failed.
  t.teardown(() => call(second, 'DELETE', `/v1/dockbox/${id}`).catch(() => {}));
  await t.test('leaves its PostgreSQL to the next one', async (t) => {
    t.ok(postmaster);
    t.equal(await home.postmaster(), postmaster);
  });
  await t.test('leaves its boxes, with their files', async (t) => {
    t.match(await call(second, 'GET', '/v1/dockbox/box'), { status: 200, body: { id, status: 'ready' } });
    const client = await connect(t, second, 'box');
    client.type('cat file\r');
    await client.shows(/^kept/m);
  });
  await t.test('does not keep the next one from ending cleanly', async (t) => {
    t.equal((await call(second, 'DELETE', `/v1/dockbox/${id}`)).status, 204);
    t.equal(await second.program.end('SIGTERM'), 0);
    t.equal(await home.postmaster(), undefined);
  });
});

t.test('a service that was killed together with its PostgreSQL starts again', async (t) => {
  const home = await makeHome(t);
  const first = await runService(t, home);
  await first.program.end('SIGKILL');
  await home.killPostmaster();

  const second = await runService(t, home);
  t.equal((await call(second, 'GET', '/health/ready')).status, 200);
  t.equal(await second.program.end('SIGTERM'), 0);
});

t.test(
  'a process id that has gone to another program since does not keep PostgreSQL from starting',
  async (t) => {
    const home = await makeHome(t);
    const first = await runService(t, home);
    await first.program.end('SIGTERM');
    await writeFile(home.postmasterFile, `${process.pid}\n/elsewhere\n1700000000\n5433\n\n127.0.0.1\n`);

    const second = await runService(t, home);
    t.ok(await home.postmaster());
    t.equal(await second.program.end('SIGTERM'), 0);
  },
);

t.test('two services on one directory share its PostgreSQL', async (t) => {
  const home = await makeHome(t);
  const [one, two] = await Promise.all([runService(t, home), runService(t, home)]);
  const postmaster = await home.postmaster();

  await t.test('it stays when one of them leaves', async (t) => {
    t.equal(await one.program.end('SIGTERM'), 0);
    t.equal(await home.postmaster(), postmaster);
    t.equal((await call(two, 'GET', '/health/ready')).status, 200);
  });
  await t.test('the last one ends it', async (t) => {
    t.equal(await two.program.end('SIGTERM'), 0);
    t.equal(await home.postmaster(), undefined);
  });
});
