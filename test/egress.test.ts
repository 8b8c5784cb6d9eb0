import path from 'node:path';
import t, { type Test } from 'tap';
import { projectRoot } from '../lib/paths.js';
import { createBox } from './helpers/box.js';
import { call } from './helpers/client.js';
import { startDaemon } from './helpers/daemon.js';
import { makeDeployment } from './helpers/deployment.js';
import { eventually } from './helpers/engine-faults.js';
import { INTERNET, MACHINE_ADDRESSES, METADATA, PRIVATE, RESOLVER, startOutside } from './helpers/outside.js';
import { startServer } from './helpers/server.js';

t.test('egress', async (t) => {
  // The rules are those of a machine of the test's own: see the daemon.
  const daemon = await startDaemon(t, { swarm: false });
  await startOutside(t, daemon);
  // IPv6, which boxes have only when an operator gives it to them.
  await daemon.docker.createNetwork({
    Name: 'dockbox',
    EnableIPv6: true,
    IPAM: { Config: [{ Subnet: '172.30.0.0/24' }, { Subnet: 'fd34::/64' }] },
    Options: {
      'com.docker.network.bridge.enable_icc': 'false',
      'com.docker.network.bridge.name': 'dockbox0',
    },
  } as never);
  const variables = {
    // Of a swarm's nodes test/engines/swarm/nodes-egress.test.ts tells the same.
    ENGINE: 'single',
    DOCKER_SERVER_HOST: daemon.socket,
    BOX_EGRESS: 'filtered',
    IDLE_TIMEOUT_SECONDS: '3600',
  };
  const deployment = await makeDeployment(t, variables, daemon.socket);
  const server = await startServer(t, deployment);
  const box = await createBox(t, server);
  const neighbour = await createBox(t, server, { name: 'neighbour' });

  /** Sets the firewall up on the daemon's machine, as `npm run firewall` does. */
  async function ensureFirewall(settings: object = {}): Promise<string> {
    const module = (name: string) => JSON.stringify(path.join(projectRoot, 'build', name));
    const script = `
    const { connectDocker, disconnectDocker } = await import(${module('lib/docker.js')});
    const { ensureFirewall } = await import(${module('setup/firewall.js')});
    const settings = ${JSON.stringify({ ...variables, BOX_EGRESS_ALLOW: '', BOX_EGRESS_DENY: '', ...settings })};
    const docker = connectDocker(settings);
    await ensureFirewall(docker, settings);
    disconnectDocker(docker);`;
    return daemon.run(process.execPath, '--input-type=module', '-e', script);
  }

  /** The addresses at which a port answers to a box. */
  async function reached(addresses: readonly string[], port: number, from = box): Promise<string[]> {
    // At the same time: the kernel sends few rejections a second, and all else is silence.
    const script = `for address in "$@"; do
        { timeout 3 bash -c 'exec 3<>"/dev/tcp/$0/$1" && grep -q here <&3' "$address" "$0" && echo "$address"; } 2>/dev/null &
      done; wait`;
    const output = await deployment.run(from, 'bash', '-c', script, String(port), ...addresses);
    return output.split('\r\n').filter(Boolean).sort();
  }

  const readiness = async (settings: NodeJS.ProcessEnv = {}) => {
    const other = settings.BOX_EGRESS ? await startServer(t, deployment, settings) : server;
    let answer = await call(other, 'GET', '/health/ready');
    while (answer.body.egress === 'unknown') answer = await call(other, 'GET', '/health/ready');
    return answer;
  };

  const machine = [...MACHINE_ADDRESSES, '172.30.0.1', 'fd34::1', '172.17.0.1'].sort();
  const everywhere = [...INTERNET, ...PRIVATE, ...METADATA, RESOLVER].sort();

  await t.test('without the firewall, a box reaches all that its host does', async (t) => {
    t.same(await reached(everywhere, 80), everywhere);
    t.same(await reached(machine, 8080), machine);
  });

  await t.test('and its server says so', async (t) => {
    t.match(await readiness(), { status: 200, body: { status: 'ok', egress: 'open' } });
    t.match(await readiness({ BOX_EGRESS: 'required' }), {
      status: 503,
      body: { status: 'unavailable', engine: 'ok', egress: 'open' },
    });
  });

  async function holds(t: Test, name: string): Promise<void> {
    await t.test(name, async (t) => {
      await t.test('a box reaches the internet, by name, too', async (t) => {
        const internet = [...INTERNET, 'example.com'];
        t.same(await reached(internet, 80), internet.sort(), 'the resolver is at a private address');
      });
      await t.test('but neither metadata services nor private networks', async (t) => {
        // Of the resolver, DNS alone.
        t.same(await reached([...METADATA, ...PRIVATE, RESOLVER], 80), []);
      });
      await t.test('nor the host, at any of its addresses', async (t) => {
        t.same(await reached([...machine, '127.0.0.1', '::1'], 8080), []);
      });
    });
  }

  t.match(
    await ensureFirewall(),
    /but neither private networks nor this machine, save DNS at 10\.255\.0\.53/,
  );
  await holds(t, 'with the firewall');

  await t.test('its server says so', async (t) => {
    for (const BOX_EGRESS of ['filtered', 'required']) {
      t.match(await readiness({ BOX_EGRESS }), { status: 200, body: { status: 'ok', egress: 'filtered' } });
    }
  });

  await t.test('a box does not reach another', async (t) => {
    const { NetworkSettings } = await daemon.docker.getContainer(`dockbox-${neighbour}`).inspect();
    const network = NetworkSettings.Networks.dockbox;
    const listen = ['/opt/dockbox/bin/busybox', 'nc', '-ll', '-p', '80', '-e', 'echo', 'here'];
    await (await daemon.docker.getContainer(`dockbox-${neighbour}`).exec({ Cmd: listen })).start({
      Detach: true,
    });
    await eventually(
      t,
      'the other one listens',
      async () => (await reached(['127.0.0.1'], 80, neighbour)).length > 0,
    );
    const addresses = [network?.IPAddress ?? '', network?.GlobalIPv6Address ?? ''];
    t.match(addresses, [/\d\./, /:/]);
    t.same(await reached(addresses, 80), []);
  });

  await t.test('it is set up as often as one likes', async (t) => {
    const rules = () => daemon.run('sh', '-c', 'iptables -S; ip6tables -S');
    const before = await rules();
    await ensureFirewall();
    t.equal(await rules(), before);
  });

  await daemon.end('SIGTERM');
  await daemon.start();
  await call(server, 'POST', `/v1/dockbox/${box}/stop`);
  await daemon.docker.getContainer(`dockbox-${box}`).start();
  await holds(t, 'after a restart of the engine');

  await daemon.run(
    'sh',
    '-c',
    'iptables -F; ip6tables -F; iptables -X; ip6tables -X; iptables -P FORWARD ACCEPT',
  );
  await t.test('after a flush, a server notices', async (t) => {
    t.match(await readiness({ BOX_EGRESS: 'required' }), { status: 503, body: { egress: 'open' } });
  });
  await ensureFirewall();
  await holds(t, 'set up again after a flush');

  await t.test('what an operator allows is reached, and what he denies is not', async (t) => {
    await ensureFirewall({ BOX_EGRESS_ALLOW: '10.1.0.0/16,fd12::7', BOX_EGRESS_DENY: '203.0.113.0/24' });
    t.same(await reached(everywhere, 80), ['10.1.2.3', '2001:db8::2', 'fd12::7']);
    t.same(await reached(machine, 8080), [], 'the host is not in a network that is allowed');
  });

  await t.test('an operator may do without', async (t) => {
    t.match(await ensureFirewall({ BOX_EGRESS: 'open' }), /BOX_EGRESS is "open"/);
    t.same(await reached(everywhere, 80), everywhere);
  });
});
