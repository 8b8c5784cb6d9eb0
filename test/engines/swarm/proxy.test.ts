import path from 'node:path';
import t, { type Test } from 'tap';
import { failures, losses, report } from '../../../roll/report.js';
import { roll } from '../../../roll/run.js';
import { ReplicatedService } from '../../../roll/service.js';
import { type Outcome, Typist } from '../../../roll/typist.js';
import { createBox, serveSource } from '../../helpers/box.js';
import { call, connect } from '../../helpers/client.js';
import type { ClusterNode } from '../../helpers/cluster.js';
import { eventually } from '../../helpers/engine-faults.js';
import { makeFleet, readyNodes } from '../../helpers/fleet.js';
import { openSdkTerminal } from '../../helpers/sdk.js';

const NOTHING = { lostKeystrokes: 0, disordered: 0, lostShells: 0 };

const { cluster, deployment } = await makeFleet(t);
const timing = { checkSeconds: 0.5, noticeSeconds: 2, drainSeconds: 0.5 };
const service = await ReplicatedService.start(t, deployment, timing);
await readyNodes(service, cluster.nodes.length);

/** One on each node. */
const boxes: string[] = [];
for (const { name } of cluster.nodes) boxes.push(await createBox(t, service, { name: `of-${name}` }));

let people = 0;

/** Two people for each of some boxes, who type. `leave` ends that. */
async function crowd(t: Test, ids: string[]) {
  const typists = await Promise.all(
    [...ids, ...ids].map(async (box) => {
      people += 1;
      return { box, typist: await Typist.start(t, { base: service.base, box, number: people }) };
    }),
  );
  return {
    typists: typists.map(({ typist }) => typist),
    leave: () =>
      Promise.all(typists.map(({ box, typist }) => typist.leave(path.join(deployment.mountPoint, box)))),
  };
}

/** Nobody has as much as noticed anything. */
function goOn(t: Test, outcomes: Outcome[]): void {
  t.ok(outcomes.length > 0);
  for (const { typed, ...outcome } of outcomes) {
    t.ok(typed > 0);
    t.same(outcome, { lost: 0, told: 0, disordered: false, shellLost: false, awayMs: [] });
  }
}

/** What a node's boxes and those of others see of its going: `go` makes it go. */
async function leave(t: Test, node: ClusterNode, reason: RegExp, go: () => Promise<void>): Promise<void> {
  const places = await Promise.all(boxes.map(async (id) => ({ id, node: await cluster.nodeOf(id) })));
  const box = places.find((place) => place.node === node)?.id ?? '';
  const others = await crowd(
    t,
    places.flatMap(({ id, ...place }) => (place.node === node ? [] : id)),
  );
  const watcher = await connect(t, service, box, '?readonly=true');
  const user = openSdkTerminal(t, service, { box });
  user.write(`echo ${node.name} >/workspace/note; echo wri""tten\r`);
  await Promise.all([user.shows(/written/), watcher.shows(/written/)]);
  const again = user.next('connected');
  await go();
  t.match(await watcher.closed, { code: 1012, reason });
  t.match(await again, { again: true });
  user.write('echo "<$(cat note)>"\r');
  await user.shows(new RegExp(`<${node.name}>`));
  const present = await cluster.nodeOf(box);
  t.ok(present && present !== node, `${present?.name} has it`);
  goOn(t, await others.leave());
}

t.test('replicas are replaced under people who type', async (t) => {
  const people = { terminals: 6, boxes: 3 };
  const result = await roll(t, service, people, (line) => t.comment(line));
  t.comment(report(result, { ...people, ...timing }));
  t.same(failures(result), { ...NOTHING, refused: 0 });
  t.ok(
    result.outcomes.every(({ awayMs }) => awayMs.length > 0),
    'every terminal was moved',
  );
});

t.test('a replica that is killed takes neither a shell with it nor what had arrived', async (t) => {
  const { typists, leave } = await crowd(t, boxes);
  const its = await service.terminals('one');
  const isMoved = typists.map(({ name }) => its.includes(name));
  t.ok(isMoved.includes(true));
  await service.replica('one').end('SIGKILL');
  await Promise.all(typists.filter((_, index) => isMoved[index]).map((typist) => typist.moved()));
  const outcomes = await leave();
  t.same(losses(outcomes), NOTHING);
  goOn(
    t,
    outcomes.filter((_, index) => !isMoved[index]),
  );
  await service.startAgain('one');
});

t.test('a node that is drained gives its boxes to others', async (t) => {
  const { manager } = cluster;
  await leave(t, manager, /moves to another machine: connect again/, () =>
    cluster.setAvailability(manager, 'drain'),
  );
});

t.test('while the manager is away', async (t) => {
  const stopped = await createBox(t, service, { name: 'stopped' });
  const { leave } = await crowd(t, boxes);
  await call(service, 'POST', `/v1/dockbox/${stopped}/stop`);
  await cluster.manager.daemon.end('SIGKILL');

  await t.test('boxes that run have more terminals', async (t) => {
    const clients = await Promise.all(boxes.map((id) => connect(t, service, id)));
    for (const client of clients) {
      client.type('echo he""re\r');
      await client.shows(/^here/m);
    }
  });

  await t.test('what needs it is refused', async (t) => {
    const rows = new Set(await deployment.rows());
    const create = await call(service, 'POST', '/v1/dockbox', { url: await serveSource(t) });
    const stop = await call(service, 'POST', `/v1/dockbox/${boxes[0]}/stop`);
    const remove = await call(service, 'DELETE', `/v1/dockbox/${boxes[0]}`);
    for (const { status, headers, body } of [create, stop, remove]) {
      t.match({ status, body }, { status: 503, body: { message: /^The container engine does not answer/ } });
      t.ok(Number(headers.get('retry-after')) > 0);
    }
    t.equal((await call(service, 'GET', `/v1/dockbox/${boxes[0]}`)).body.running, true);
    t.same(new Set(await deployment.rows()), rows, 'before anything was done');
    const client = await connect(t, service, stopped);
    t.match(await client.closed, { code: 1013, reason: /^The container engine does not answer/ });
  });

  await t.test('who types goes on', async (t) => goOn(t, await leave()));

  await t.test('until it is back', async (t) => {
    await cluster.manager.daemon.start();
    await eventually(t, 'a box is started', async () => {
      const client = await connect(t, service, stopped);
      client.type('echo he""re\r');
      return (await client.shows(/^here/m)) !== '';
    });
  });
});

t.test('a node that is lost gives its boxes to others', async (t) => {
  const [worker] = cluster.workers as [ClusterNode, ClusterNode];
  t.teardown(async () => {
    await worker.daemon.forgetNetworks();
    await worker.daemon.start();
    await readyNodes(service, 2);
  });
  await leave(t, worker, /does not answer: connect again/, () => worker.daemon.crash());
});
