import { totalmem } from 'node:os';
import t from 'tap';
import { createBox, serveSource } from '../../helpers/box.js';
import { call, connect } from '../../helpers/client.js';
import { openTerminal, readNote } from '../../helpers/engine-faults.js';
import { startFleet } from '../../helpers/fleet.js';
import { startServer } from '../../helpers/server.js';

const { cluster, deployment, server } = await startFleet(t);
const other = await startServer(t, deployment);
// Its boxes need more than any node has.
const bytes = String(2 * totalmem());
const greedy = await startServer(t, deployment, {
  BOX_MEMORY_BYTES: bytes,
  BOX_RESERVED_MEMORY_BYTES: bytes,
});
const id = await createBox(t, server);

t.test('a box is stopped, and has its files when it is started again', async (t) => {
  const client = await openTerminal(t, server);
  t.equal((await call(server, 'POST', '/v1/dockbox/box/stop')).status, 200);
  t.match(await client.closed, { code: 1001, reason: /was stopped: connect again/ });
  t.equal(await cluster.nodeOf(id), undefined);
  t.match((await call(server, 'GET', '/v1/dockbox/box')).body, { running: false });

  await readNote(t, server);
  t.match((await call(server, 'GET', '/v1/dockbox/box')).body, { running: true, connections: 1 });
});

t.test('a box has what the single engine gives it', async (t) => {
  const client = await connect(t, server, 'box');
  client.type(
    'grep -E "NoNewPrivs|Seccomp:|CapBnd" /proc/self/status; ulimit -n; df -k /dev/shm; echo do""ne\r',
  );
  const shown = await client.shows(/^done/m);
  t.match(shown, /CapBnd:\s+00000000000004fb/, 'a few capabilities');
  t.match(shown, /NoNewPrivs:\s+1/);
  t.match(shown, /Seccomp:\s+2/);
  t.match(shown, /^16384\r$/m, 'a limit of open files');
  t.match(shown, /tmpfs\s+65536 .*\/dev\/shm/);
});

t.test('servers that start a stopped box at the same time start one container', async (t) => {
  await call(server, 'POST', '/v1/dockbox/box/stop');
  const clients = await Promise.all([server, other, server, other].map((one) => connect(t, one, 'box')));
  // Not in the workspace, but in the container.
  clients[0]?.type('echo one >/tmp/mark; echo wri""tten\r');
  await clients[0]?.shows(/^written/m);
  for (const client of clients) {
    client.type('cat /tmp/mark\r');
    await client.shows(/^one/m);
  }
  const running = await Promise.all(cluster.nodes.map((node) => node.running(id)));
  t.equal(running.flat().length, 1);
});

t.test('a fleet that is full says so, and starts nothing later', async (t) => {
  await t.test('to who makes a box', async (t) => {
    const rows = await deployment.rows();
    const answer = await call(greedy, 'POST', '/v1/dockbox', { url: await serveSource(t) });
    t.match(answer, { status: 503, body: { code: 'DBX_NO_CAPACITY', message: /no room/ } });
    t.ok(Number(answer.headers.get('retry-after')) > 0);
    t.strictSame(await deployment.rows(), rows);
    t.equal((await cluster.manager.docker.listServices()).length, 1);
  });

  await t.test('to who connects to one that is stopped', async (t) => {
    await call(server, 'POST', '/v1/dockbox/box/stop');
    const client = await connect(t, greedy, 'box');
    t.match(await client.closed, { code: 1013, reason: /no room/ });
    const [service] = await cluster.manager.docker.listServices();
    t.equal(service?.Spec?.Mode?.Replicated?.Replicas, 0);
  });
});
