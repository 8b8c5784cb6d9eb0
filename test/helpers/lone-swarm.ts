import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { BASE_IMAGE, makeMachine } from './daemon.js';
import type { Scope } from './scope.js';

const run = promisify(execFile);

/** What an engine adds to the network of its machine for a swarm, and leaves there. */
const BRIDGES = ['dockbox1', 'docker_gwbridge'];

/** The bridge of its default network, and the address that the machine has on it. */
const BRIDGE = 'dockbox-lone';
const ADDRESS = '198.19.255.1/24';

/**
 * Starts a swarm of one node, for tests that know nothing of swarms. Its engine is on this machine's own network, so that
 * fetches reach the tests' servers on loopback: two of these can't be there at the same time.
 * @returns the variables that make a server use it
 */
export async function startLoneSwarm(t: Scope): Promise<NodeJS.ProcessEnv> {
  const before = await bridges();
  t.teardown(async () => {
    const left = (await bridges()).filter((name) => BRIDGES.includes(name) && !before.includes(name));
    for (const name of [...left, BRIDGE]) await run('ip', ['link', 'delete', name]);
  });
  await run('ip', ['link', 'add', BRIDGE, 'type', 'bridge']);
  await run('ip', ['address', 'add', ADDRESS, 'dev', BRIDGE]);
  await run('ip', ['link', 'set', BRIDGE, 'up']);
  const daemon = await makeMachine(t, { name: 'lone', sharesNetwork: true });
  await daemon.start({ noNewPrivileges: true, bridge: BRIDGE });
  await daemon.load(BASE_IMAGE);
  await daemon.docker.swarmInit({ ListenAddr: '127.0.0.1:2377', AdvertiseAddr: '127.0.0.1' });
  return { ENGINE: 'swarm', DOCKER_SERVER_HOST: daemon.socket };
}

async function bridges(): Promise<string[]> {
  const { stdout } = await run('ip', ['-json', 'link', 'show', 'type', 'bridge']);
  return (JSON.parse(stdout || '[]') as { ifname?: string }[]).flatMap(({ ifname }) => ifname ?? []);
}
