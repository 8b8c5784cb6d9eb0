import type Docker from 'dockerode';
import ipaddr from 'ipaddr.js';
import { ask, found } from './docker.js';
import { probe } from './probe.js';

/** Whether boxes are kept from private networks and from the engine's host; `unknown` when it can't be told just now. */
export type Egress = 'filtered' | 'open' | 'unknown';

type Look = {
  docker: Docker;
  /** The network of boxes, by its name. */
  network: string;
  /** An image with bash and the usual tools. */
  image: string;
  labels: Record<string, string>;
  /** Networks that boxes may reach all the same. */
  allow: string[];
};

/** What the script says. */
const HOST_REACHED = 10;
const NEIGHBOUR_REACHED = 11;

/**
 * Tries to connect to a port (discard's, where nobody listens) of each gateway in the container's own routes, which are
 * the engine's host, and of NEIGHBOUR. Whether somebody answers there or says that nobody does, it was reached. What a
 * firewall rejects is told apart by its ICMP message, at once; what it drops, by silence. /proc has an IPv4 address as a
 * number of the processor's byte order, and an IPv6 address as it is sent: proc(5).
 */
const SCRIPT = `
try() { message=$(timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/9"' "$1" 2>&1); status=$?; }
rejected() { [[ $status != 0 && $message =~ (No route to host|is unreachable|Permission denied|not permitted) ]]; }
gateways() {
  while read -r _ to by _; do
    [[ $to == 00000000 && $by != 00000000 ]] && printf '%d.%d.%d.%d\n' "0x\${by:6:2}" "0x\${by:4:2}" "0x\${by:2:2}" "0x\${by:0:2}"
  done </proc/net/route
  [ ! -e /proc/net/ipv6_route ] || while read -r to bits _ _ by _; do
    [[ $to$bits =~ ^0+$ && ! $by =~ ^(0+|fe80.*)$ ]] && echo "$by" | sed 's/..../:&/2g'
  done </proc/net/ipv6_route
}
for address in $(gateways); do
  try "$address"
  rejected || [ "$status" = 124 ] || exit ${HOST_REACHED}
done
[ "$NEIGHBOUR" ] || exit 0
try "$NEIGHBOUR"
rejected || exit ${NEIGHBOUR_REACHED}`;

/**
 * Looks from inside a throw-away container on the network of boxes whether its egress is filtered, whoever set the rules
 * and wherever the engine is. No packet leaves the engine's host for this: the address that stands for all
 * private ones is on the engine's own default network. There the engine drops what comes from other networks,
 * so it is only an immediate rejection that shows that a rule of ours, or one like it, comes before.
 * @returns `unknown` when the image is missing
 * @throws {@link errors.EngineUnavailable}
 */
export async function probeEgress({ docker, network, image, labels, allow }: Look): Promise<Egress> {
  const status = await probe({
    docker,
    image,
    labels,
    command: ['bash', '-c', SCRIPT],
    variables: { NEIGHBOUR: (await neighbour(docker, allow)) ?? '' },
    host: { NetworkMode: network },
  });
  if (status === 0) return 'filtered';
  return status === HOST_REACHED || status === NEIGHBOUR_REACHED ? 'open' : 'unknown';
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
