import type Docker from 'dockerode';
import ipaddr from 'ipaddr.js';
import { ask, found, tolerate } from './docker.js';
import { ensureNetwork, NETWORK } from './network.js';
import { ROOT } from './user.js';

/** Whether boxes are kept from private networks and from the engine's host; `unknown` when it can't be told just now. */
export type Egress = 'filtered' | 'open' | 'unknown';

type Probe = {
  docker: Docker;
  /** An image with bash and the usual tools. */
  image: string;
  labels: Record<string, string>;
  /** Networks that boxes may reach all the same. */
  allow: string[];
};

/**
 * Tries to connect to a port (discard's, where nobody listens) of each address in GATEWAYS, which are the engine's host,
 * and of NEIGHBOUR. Whether somebody answers there or says that nobody does, it was reached. What a firewall rejects is
 * told apart by its ICMP message, at once; what it drops, by silence.
 */
const SCRIPT = `
try() { message=$(timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/9"' "$1" 2>&1); status=$?; }
rejected() { [[ $status != 0 && $message =~ (No route to host|is unreachable|Permission denied|not permitted) ]]; }
for address in $GATEWAYS; do
  try "$address"
  rejected || [ "$status" = 124 ] || exit 10
done
[ "$NEIGHBOUR" ] || exit 0
try "$NEIGHBOUR"
rejected || exit 11`;

/**
 * Looks from inside a throw-away container on the network of boxes whether its egress is filtered, whoever set the rules
 * and wherever the engine is. No packet leaves the engine's host for this: the address that stands for all
 * private ones is on the engine's own default network. There the engine drops what comes from other networks,
 * so it is only an immediate rejection that shows that a rule of ours, or one like it, comes before.
 * @returns `unknown` when the image is missing or another server is making the network
 * @throws {@link errors.EngineUnavailable}
 */
export async function probeEgress({ docker, image, labels, allow }: Probe): Promise<Egress> {
  const network = await ensureNetwork(docker);
  if (!network) return 'unknown';
  const created = await ask(
    tolerate(
      docker.createContainer({
        Image: image,
        Labels: labels,
        User: ROOT,
        Entrypoint: [],
        Cmd: ['bash', '-c', SCRIPT],
        Env: [
          'LC_ALL=C',
          `GATEWAYS=${network.gateways.join(' ')}`,
          `NEIGHBOUR=${(await neighbour(docker, allow)) ?? ''}`,
        ],
        HostConfig: {
          // Also when this server is gone by then.
          AutoRemove: true,
          NetworkMode: NETWORK,
          CapDrop: ['ALL'],
          SecurityOpt: ['no-new-privileges'],
          ReadonlyRootfs: true,
          PidsLimit: 32,
          LogConfig: { Type: 'none', Config: {} },
        },
      }),
      404,
    ),
  );
  if (typeof created === 'number') return 'unknown';
  const gone = ask(created.wait({ condition: 'removed' }));
  gone.catch(() => {});
  try {
    await ask(created.start());
  } catch (error) {
    await ask(tolerate(created.remove({ force: true }), 404, 409));
    throw error;
  }
  const { StatusCode } = await gone;
  if (StatusCode === 0) return 'filtered';
  return StatusCode === 10 || StatusCode === 11 ? 'open' : 'unknown';
}

/** The last address of the engine's default network, which it has not given to anybody yet; undefined without one. */
async function neighbour(docker: Docker, allow: string[]): Promise<string | undefined> {
  const bridge = await ask(found(docker.getNetwork('bridge').inspect()));
  const subnet = bridge?.IPAM?.Config?.find(({ Subnet = '' }) => ipaddr.IPv4.isValidCIDR(Subnet))?.Subnet;
  if (subnet === undefined) return undefined;
  const octets = ipaddr.IPv4.broadcastAddressFromCIDR(subnet).octets;
  const address = new ipaddr.IPv4([...octets.slice(0, 3), (octets[3] ?? 0) - 1]);
  const allowed = allow.map((network) => ipaddr.parseCIDR(network));
  return allowed.some(
    (network) => network[0].kind() === 'ipv4' && address.match(network as [ipaddr.IPv4, number]),
  )
    ? undefined
    : address.toString();
}
