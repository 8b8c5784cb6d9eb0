import t from 'tap';
import { createBox } from '../../helpers/box.js';
import type { ClusterNode } from '../../helpers/cluster.js';
import { openTerminal, readNote } from '../../helpers/engine-faults.js';
import { readyNodes, startFleet } from '../../helpers/fleet.js';

const { cluster, server } = await startFleet(t, { tls: true });
// A manager that is lost is another story.
await cluster.setAvailability(cluster.manager, 'drain');
await readyNodes(server, 2);
const id = await createBox(t, server);

/** The only container of the box that runs, by the word of all nodes' own engines. */
async function whereAlone(): Promise<{ node: ClusterNode; container: string }> {
  const found = await Promise.all(
    cluster.nodes.map(async (node) => (await node.running(id)).map((container) => ({ node, container }))),
  );
  const [only, ...others] = found.flat();
  if (!only || others.length > 0) throw new Error(`There are ${found.flat().length} containers of the box.`);
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
