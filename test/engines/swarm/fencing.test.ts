import t from 'tap';
import { Generations } from '../../../lib/engines/swarm/generations.js';
import { Manager, type Service } from '../../../lib/engines/swarm/manager.js';
import { createBox } from '../../helpers/box.js';
import { connect } from '../../helpers/client.js';
import type { ClusterNode } from '../../helpers/cluster.js';
import { eventually, openTerminal, readNote } from '../../helpers/engine-faults.js';
import { readyNodes, startFleet } from '../../helpers/fleet.js';
import { startServer } from '../../helpers/server.js';

const { cluster, deployment, server } = await startFleet(t, { tls: true });
// A manager that is lost is another story.
await cluster.setAvailability(cluster.manager, 'drain');
await readyNodes(server, 2);
const id = await createBox(t, server);
// Neither knows where the box runs before it is asked for it.
const [second, third] = await Promise.all([startServer(t, deployment), startServer(t, deployment)]);

/** The containers of the box that run, by the word of all nodes' own engines. */
async function whereAll(): Promise<{ node: ClusterNode; container: string }[]> {
  const found = await Promise.all(
    cluster.nodes.map(async (node) => (await node.running(id)).map((container) => ({ node, container }))),
  );
  return found.flat();
}

/** The only one. */
async function whereAlone(): Promise<{ node: ClusterNode; container: string }> {
  const found = await whereAll();
  const [only, ...others] = found;
  if (!only || others.length > 0) throw new Error(`There are ${found.length} containers of the box.`);
  return only;
}

t.test('a box on a node that is cut off', async (t) => {
  const client = await openTerminal(t, server);
  const former = await whereAlone();
  await former.node.cutOff();

  await t.test('tells its clients to connect again', async (t) => {
    t.match(await client.closed, { code: 1012, reason: /does not answer: connect again/ });
    t.strictSame(await former.node.running(id), [former.container], 'while it runs on');
  });

  await t.test('holds up no server that is to end while it waits for that', async (t) => {
    const patient = await startServer(t, deployment, { FENCE_SECONDS: '3600', DRAIN_SECONDS: '0' });
    const generation = () => new Generations(deployment.mountPoint).current(id);
    const before = await generation();
    const waiting = await connect(t, patient, 'box');
    await eventually(t, 'it waits', async () => (await generation()) !== before);
    t.equal(await patient.end('SIGTERM'), 0);
    t.match(await waiting.closed, { code: 1012 });
  });

  await t.test('is started on another, with its files, once it has ended by itself', async (t) => {
    await readNote(t, server);
    const present = await whereAlone();
    t.not(present.node.name, former.node.name);
    const { State: old } = await former.node.docker.getContainer(former.container).inspect();
    const { State: young } = await present.node.docker.getContainer(present.container).inspect();
    t.equal(old.ExitCode, 75, 'nobody ended it');
    t.ok(Date.parse(old.FinishedAt) < Date.parse(young.StartedAt), `${old.FinishedAt} < ${young.StartedAt}`);
  });

  await t.test('stays where it is when the node is back, which may have others', async (t) => {
    const present = await whereAlone();
    await former.node.reconnect();
    await readyNodes(server, 2);
    t.equal((await whereAlone()).container, present.container);
  });
});

t.test('a box on a node whose engine was killed', async (t) => {
  const client = await openTerminal(t, server);
  const former = await whereAlone();
  await former.node.daemon.end('SIGKILL');
  const processes = () => former.node.daemon.processes();
  const runsOn = async () => (await processes()).some(({ container }) => container === former.container);

  await t.test('runs on without it, and tells its clients to connect again', async (t) => {
    t.match(await client.closed, { code: 1012, reason: /does not answer: connect again/ });
    t.ok(await runsOn());
  });

  await t.test('is started on another, with its files, once it has ended by itself', async (t) => {
    await readNote(t, server);
    t.notOk(await runsOn());
    t.not((await cluster.nodeOf(id))?.name, former.node.name);
  });

  await t.test('stays there when the engine is back', async (t) => {
    await former.node.daemon.forgetNetworks();
    await former.node.daemon.start();
    await readyNodes(server, 2);
    t.not((await whereAlone()).node.name, former.node.name);
  });
});

t.test('a box on a node that only the manager has lost', async (t) => {
  const client = await openTerminal(t, server);
  client.type('echo here >/tmp/mark; echo mar""ked\r');
  await client.shows(/^marked/m);
  const former = await whereAlone();
  await former.node.cutOffFrom(cluster.manager);
  await eventually(
    t,
    'it has',
    async () => (await cluster.inspect(former.node.name)).Status.State === 'down',
  );

  await t.test('is used on, by those who have been there and by who comes from elsewhere', async (t) => {
    const other = await connect(t, second, 'box');
    for (const terminal of [client, other]) {
      terminal.type('cat /tmp/mark\r');
      await terminal.shows(/^here/m);
    }
    t.equal((await whereAlone()).container, former.container);
  });

  await t.test(
    'runs once when the swarm has started it elsewhere, too, before it was kept from that',
    async (t) => {
      await unpin();
      await eventually(t, 'it has', async () => (await whereAll()).length === 2);
      await readNote(t, third);
      t.not((await whereAlone()).container, former.container);
      t.match(await client.closed, { code: 1012 });
    },
  );

  await t.test('runs once when the node is back', async () => {
    await former.node.reconnectTo(cluster.manager);
    await readyNodes(server, 2);
    await readNote(t, server);
    await whereAlone();
  });
});

/** Leaves it to the swarm where the box runs, as a server does that ends just after it has started it. */
async function unpin(): Promise<void> {
  const manager = new Manager(cluster.manager.docker, '');
  const service = (await manager.find(id)) as Service;
  const { TaskTemplate } = service.Spec;
  const { Placement } = TaskTemplate;
  const Constraints = Placement.Constraints.filter((constraint) => !constraint.startsWith('node.id'));
  const spec = {
    ...service.Spec,
    TaskTemplate: { ...TaskTemplate, Placement: { ...Placement, Constraints } },
  };
  if (!(await manager.update(service, spec))) throw new Error('Somebody else has changed the service.');
}
