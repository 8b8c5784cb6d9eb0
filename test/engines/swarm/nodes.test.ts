import { once } from 'node:events';
import { copyFile, readFile } from 'node:fs/promises';
import https from 'node:https';
import path from 'node:path';
import t, { type Test } from 'tap';
import { ENGINE_LABEL } from '../../../lib/engines/swarm/address.js';
import { setLabel } from '../../../lib/engines/swarm/listed.js';
import { type Certificates, makeCertificates } from '../../helpers/certificates.js';
import { type ClusterNode, startCluster } from '../../helpers/cluster.js';
import { BASE_IMAGE } from '../../helpers/daemon.js';
import { eventually } from '../../helpers/engine-faults.js';
import { DEPLOYMENT, watchNodes } from '../../helpers/nodes.js';

/** A number on their network that no node has for its own. */
const OTHER_NUMBER = 100;

/** What becomes of who is not let in: an alert, unless the connection's end is there before that was read. */
const REFUSED = /^ERR_SSL_.*_ALERT_|^ECONNRESET$|^EPIPE$/;

t.test('the nodes of a swarm', async (t) => {
  const cluster = await startCluster(t, { tls: true });
  const [first, second] = cluster.workers as [ClusterNode, ClusterNode];
  const { nodes, mountPoint, isReady, labelOf, docker, saidOf } = await watchNodes(t, cluster);
  const becomesReady = (t: Test, node: ClusterNode) =>
    eventually(t, `${node.name} is ready`, async () => isReady(node));
  const getsNoBoxes = (t: Test, node: ClusterNode) =>
    eventually(t, `${node.name} gets no boxes`, async () => !isReady(node) && !(await labelOf(node)));

  const certificates = cluster.certificates as Certificates;
  const isTold = (t: Test, node: ClusterNode, what: string) =>
    eventually(t, `${node.name} is told`, async () => saidOf(node).includes(what));

  await t.test('get boxes when they have what boxes need', async (t) => {
    for (const node of cluster.nodes) {
      await becomesReady(t, node);
      t.equal(await labelOf(node), 'ready', 'so that the manager knows');
    }
    t.same(nodes.constraints, [`node.labels.dockbox.${DEPLOYMENT} == ready`]);
  });

  await t.test('take turns with throw-away containers', (t) => {
    const names = [nodes.worker(), nodes.worker(), nodes.worker()].map(({ hostname }) => hostname);
    t.same(names.sort(), cluster.nodes.map(({ name }) => name).sort());
    t.end();
  });

  await t.test('let in nobody without a certificate of their authority', async (t) => {
    const ca = await readFile(path.join(certificates.client, 'ca.pem'));
    const stranger = (await makeCertificates(t, 'engine.example')).client;
    const cert = await readFile(path.join(stranger, 'cert.pem'));
    const key = await readFile(path.join(stranger, 'key.pem'));
    for (const { address } of cluster.nodes) {
      const ping = `https://${address}:${cluster.port}/_ping`;
      await t.rejects(get(ping, { ca }), { code: REFUSED });
      await t.rejects(get(ping, { ca, cert, key }), { code: REFUSED });
    }
  });

  await t.test('one at an address that its certificate is not for is not spoken to, and told', async (t) => {
    const { ID } = await cluster.inspect(first.name);
    const address = cluster.network.address(OTHER_NUMBER);
    await first.daemon.run('ip', 'address', 'add', `${address}/24`, 'dev', 'eth0');
    await setLabel(cluster.manager.docker, ID, ENGINE_LABEL, `tcp://${address}`);
    await isTold(t, first, `${address}: its certificate is not for that address`);
    t.notOk(isReady(first));
    await setLabel(cluster.manager.docker, ID, ENGINE_LABEL, undefined);
    await becomesReady(t, first);
  });

  await t.test("one that does not accept the server's certificate is told", async (t) => {
    const others = t.testdir();
    for (const name of ['cert.pem', 'key.pem']) {
      await copyFile(path.join(certificates.engine, name), path.join(others, name));
    }
    const { engine: stranger } = await makeCertificates(t, 'engine.example');
    await copyFile(path.join(stranger, 'ca.pem'), path.join(others, 'ca.pem'));
    await first.daemon.end('SIGKILL');
    await first.daemon.start({ certificates: others });
    await isTold(t, first, 'it does not accept cert.pem of DOCKER_CERT_PATH');
    t.notOk(isReady(first));
    await first.daemon.end('SIGKILL');
    await first.daemon.start({ certificates: certificates.engine });
    await becomesReady(t, first);
  });

  await t.test('one that is added is used at once, with the base image and the tools', async (t) => {
    const added = await cluster.add();
    await added.docker.getImage(BASE_IMAGE).remove({ force: true });
    await becomesReady(t, added);
    const images = [cluster.manager, added].map((node) => node.docker.getImage(BASE_IMAGE).inspect());
    const [its, managers] = await Promise.all(images);
    t.equal(its?.Id, managers?.Id);
    t.match(await added.docker.listVolumes(), { Volumes: [{ Name: /^dockbox-tools-/ }] });
  });

  await t.test('one that lacks what boxes need gets none, and all that is wrong is told', async (t) => {
    await first.daemon.end('SIGKILL');
    await first.daemon.run('mount', '-t', 'tmpfs', 'tmpfs', mountPoint);
    saidOf(first);
    await first.daemon.start({ noNewPrivileges: false });
    await getsNoBoxes(t, first);
    let told = '';
    await eventually(t, 'it is told', async () => {
      told += saidOf(first);
      return told.includes('gets no boxes');
    });
    t.match(told, /set "no-new-privileges": true in its daemon\.json and restart it/);
    t.match(told, `it has another file system at ${mountPoint}`);
  });

  await t.test('and gets them once it has', async (t) => {
    await first.daemon.end('SIGKILL');
    await first.daemon.run('umount', mountPoint);
    await first.daemon.start({ noNewPrivileges: true });
    await becomesReady(t, first);
    t.equal(await labelOf(first), 'ready');
  });

  await t.test('one that is cut off', async (t) => {
    const sleeper = { Image: BASE_IMAGE, Cmd: ['sleep', '1000'] };
    const container = await docker(second).createContainer(sleeper);
    await container.start();
    const exec = await container.exec({ Cmd: ['cat'], AttachStdin: true, AttachStdout: true, Tty: true });
    const terminal = await exec.start({ hijack: true, stdin: true, Tty: true });
    const closed = new Promise((resolve) => terminal.on('error', () => {}).once('close', resolve));
    await second.cutOff();
    // The kernel would not give up what was sent for a quarter of an hour.
    terminal.write('x');

    await t.test('is not used', async (t) => {
      await eventually(t, 'it is not ready', async () => !isReady(second));
      t.not(nodes.get((await cluster.inspect(second.name)).ID), undefined, 'though known');
    });
    await t.test('does not keep terminals hanging', async () => {
      await closed;
    });
    await t.test('gets no boxes before it was looked at again', async (t) => {
      await getsNoBoxes(t, second);
      // A box's that was started elsewhere meanwhile: Swarm knows nothing of its task.
      const labels = { 'dockbox.deployment': DEPLOYMENT, 'com.docker.swarm.task.id': 'gone' };
      await (await second.docker.createContainer({ ...sleeper, Labels: labels })).start();
      await second.reconnect();
      await becomesReady(t, second);
      t.equal(await labelOf(second), 'ready');
      const left = await second.docker.listContainers();
      t.same(
        left.map(({ Id }) => Id),
        [container.id],
        'what had no business there is gone',
      );
    });
  });

  await t.test('are used as last known while the manager is away', async (t) => {
    await cluster.manager.daemon.end('SIGKILL');
    await t.rejects(nodes.look(), { code: 'DBX_ENGINE_UNAVAILABLE' });
    await eventually(t, 'the manager is not ready', async () => !isReady(cluster.manager));
    for (const node of cluster.workers) t.ok(isReady(node), node.name);
    await cluster.manager.daemon.start();
    await becomesReady(t, cluster.manager);
  });

  await t.test('are known without the first of several managers', async (t) => {
    for (const { name } of [first, second]) {
      const { ID, Version, Spec } = await cluster.inspect(name);
      const node = cluster.manager.docker.getNode(ID);
      await node.update({ _query: { version: Version.Index }, _body: { ...Spec, Role: 'manager' } });
    }
    const managers = [cluster.manager, first, second].map(({ address }) => `${address}:${cluster.port}`);
    const fleet = await watchNodes(t, cluster, { address: managers.join(',') });
    await eventually(t, 'all are ready', async () => fleet.nodes.ready().length === cluster.nodes.length);
    await cluster.manager.daemon.end('SIGKILL');
    const rest = cluster.nodes.length - 1;
    await eventually(t, 'the others are', async () => {
      await fleet.nodes.look();
      return fleet.nodes.ready().length === rest;
    });
  });
});

/** Asks a server over TLS. @returns the status of its answer */
async function get(url: string, options: https.RequestOptions): Promise<number | undefined> {
  const [answer] = await once(https.get(url, { ...options, agent: false }), 'response');
  answer.resume();
  return answer.statusCode;
}
