import t from 'tap';
import { ensureFleetNetwork, FLEET_NETWORK } from '../../lib/network.js';
import { startDaemon } from '../helpers/daemon.js';

t.test('servers that start at the same time on a new swarm make one network', async (t) => {
  const { docker } = await startDaemon(t, { swarm: true });
  await Promise.all(Array.from({ length: 8 }, () => ensureFleetNetwork(docker)));
  const filters = JSON.stringify({ name: [FLEET_NETWORK] });
  const networks = await docker.listNetworks({ filters });
  t.match(networks, [{ Name: FLEET_NETWORK, Scope: 'swarm' }]);
  t.equal(networks.length, 1);
});
