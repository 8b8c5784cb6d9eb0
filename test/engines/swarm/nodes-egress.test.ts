import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { FLEET_NETWORK } from '../../../lib/network.js';
import { firewallScript } from '../../../setup/firewall-script.js';
import { startCluster } from '../../helpers/cluster.js';
import { BASE_IMAGE } from '../../helpers/daemon.js';
import { eventually } from '../../helpers/engine-faults.js';
import { watchNodes } from '../../helpers/nodes.js';
import {
  INTERNET,
  MACHINE_ADDRESSES,
  METADATA,
  PRIVATE,
  RESOLVER,
  startOutside,
} from '../../helpers/outside.js';

t.test('what boxes reach from a node of a fleet', async (t) => {
  const cluster = await startCluster(t, { workers: 0 });
  const { manager: node } = cluster;
  await startOutside(t, node.daemon);
  const { isReady, labelOf, saidOf } = await watchNodes(t, cluster, { egress: { allow: [] } });
  const machine = [...MACHINE_ADDRESSES, node.address, '172.17.0.1'];

  /** The addresses at which a port answers to a container on the network of boxes. */
  async function reached(addresses: string[], port: number): Promise<string[]> {
    const script = `for address in "$@"; do
        { timeout 3 bash -c 'exec 3<>"/dev/tcp/$0/$1" && grep -q here <&3' "$address" "$0" && echo "$address"; } 2>/dev/null &
      done; wait`;
    const output = new PassThrough();
    const answers = text(output);
    const command = ['bash', '-c', script, String(port), ...addresses];
    const options = {
      Entrypoint: [],
      Tty: true,
      HostConfig: { NetworkMode: FLEET_NETWORK, AutoRemove: true },
    };
    await node.docker.run(BASE_IMAGE, command, output, options);
    return (await answers).split('\r\n').filter(Boolean).sort();
  }
  // Of 172.16.0.0/12 the engine takes any part for the network of boxes, which may have the neighbour's address in it.
  const ipv4 = (addresses: string[]) => addresses.filter((address) => !/:|^172\.20\./.test(address)).sort();

  await t.test('without a firewall is all that the node does: it gets no boxes', async (t) => {
    await eventually(t, 'it is told', async () => /npm run -s firewall -- --print/.test(saidOf(node)));
    t.notOk(isReady(node));
    t.equal(await labelOf(node), undefined);
    const everywhere = ipv4([...INTERNET, ...PRIVATE, ...METADATA, RESOLVER]);
    t.same(await reached(everywhere, 80), everywhere);
    t.same(await reached(ipv4(machine), 8080), ipv4(machine));
  });

  const firewall = () =>
    node.daemon.run('sh', '-c', firewallScript({ BOX_EGRESS_ALLOW: '', BOX_EGRESS_DENY: '' }));
  await firewall();

  await t.test('with the firewall is the internet, by name, too, and it gets them', async (t) => {
    await eventually(t, 'it is ready', async () => isReady(node));
    t.equal(await labelOf(node), 'ready');
    t.same(await reached([...ipv4(INTERNET), 'example.com'], 80), [...ipv4(INTERNET), 'example.com']);
  });

  await t.test('but neither private networks, metadata services nor the node', async (t) => {
    t.same(await reached(ipv4([...PRIVATE, ...METADATA, RESOLVER]), 80), []);
    t.same(await reached([...ipv4(machine), '127.0.0.1'], 8080), []);
  });

  await t.test('which can be set up as often as one likes', async (t) => {
    const rules = () => node.daemon.run('sh', '-c', '{ iptables -S; ip6tables -S; } | grep DOCKBOX');
    const before = await rules();
    await firewall();
    t.equal(await rules(), before);
  });
});
