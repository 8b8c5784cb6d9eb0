import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import t from 'tap';
import { call } from './helpers/client.js';
import { launchService, listens, makeHome, runService } from './helpers/service.js';

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal} ends the service, its PostgreSQL included`, async (t) => {
    const home = await makeHome(t);
    const { program, base } = await runService(t, home);
    t.ok(await home.postmaster(), 'its PostgreSQL runs');
    t.equal((await call({ base }, 'GET', '/health/ready')).status, 200);

    t.equal(await program.end(signal), 0);
    t.equal(await home.postmaster(), undefined, 'its PostgreSQL has ended');
    t.notOk(await listens(base));
  });
}

t.test('a signal while the service starts ends it, its PostgreSQL included', async (t) => {
  const home = await makeHome(t);
  const program = launchService(t, home);
  while ((await home.postmaster()) === undefined);
  t.equal(await program.end('SIGTERM'), 0);
  t.equal(await home.postmaster(), undefined);
});

t.test('a client that does not read its answer does not hold up the end', async (t) => {
  const home = await makeHome(t);
  const { program, base } = await runService(t, home, { DRAIN_SECONDS: '0' });
  const { hostname, port } = new URL(base);
  const client = net.connect(Number(port), hostname);
  t.teardown(() => client.destroy());
  client.on('error', () => {});
  await once(client, 'connect');
  // More than all buffers on the way hold.
  const request = 'GET /docs/static/swagger-ui-bundle.js HTTP/1.1\r\nHost: dockbox\r\n\r\n';
  client.pause().write(request.repeat(50));
  await once(client, 'readable');
  t.equal(await program.end('SIGTERM'), 0);
});

t.test('a service whose port is taken says so and leaves nothing behind', async (t) => {
  const home = await makeHome(t);
  const other = net.createServer().listen(0, '127.0.0.1');
  t.teardown(() => other.close());
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;

  const program = launchService(t, home, { PORT: String(port) });
  t.equal(await program.ended, 1);
  t.match(program.output, `Port ${port} of 127.0.0.1 is taken by another program: set PORT to a free one.`);
  t.equal(await home.postmaster(), undefined);
});

t.test('a service whose PostgreSQL finds its port taken says so', async (t) => {
  const home = await makeHome(t);
  const other = net.createServer().listen(0, '127.0.0.1');
  t.teardown(() => other.close());
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;

  const program = launchService(t, home, { DATABASE_PORT: String(port) });
  t.equal(await program.ended, 1);
  t.match(program.output, `Port ${port} is taken by another program: set DATABASE_PORT`);
});
