import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type Docker from 'dockerode';
import { addressList } from '../lib/address-list.js';
import type { Config } from '../lib/config.js';
import { BRIDGE, ensureNetwork, FLEET_BRIDGE } from '../lib/network.js';
import { isInstalled } from './run.js';

/** Private, local and reserved (IANA's special-purpose registries), and Azure's platform, which is at a public address. */
const CLOSED_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16/32',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/4',
  '240.0.0.0/4',
];

/** The same of IPv6, and the ways from it back into IPv4: mapped, translated (RFC 6052, RFC 8215), 6to4 and Teredo. */
const CLOSED_V6 = [
  '::1/128',
  '::ffff:0:0/96',
  '64:ff9b:1::/48',
  '2001::/32',
  '2002::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  ...CLOSED_V4.map(translated),
];

export const FORWARD_CHAIN = 'DOCKBOX-FORWARD';
export const INPUT_CHAIN = 'DOCKBOX-INPUT';

type Settings = Pick<Config, 'BOX_EGRESS' | 'BOX_EGRESS_ALLOW' | 'BOX_EGRESS_DENY' | 'DOCKER_SERVER_HOST'>;

/** What one of the two protocols' rules are made of. */
type Rules = { family: 4 | 6; allow: string[]; deny: string[]; resolvers: string[] };

/**
 * Sees to it that boxes reach the internet, but neither private networks nor the engine's host, where we may say so: as
 * root on that host. The rules are in chains of our own, which are replaced as a whole. The engine keeps what is in
 * DOCKER-USER when it is restarted; after a flush of the firewall this has to be run again.
 */
export async function ensureFirewall(docker: Docker, settings: Settings): Promise<void> {
  const bridge = await ensureNetwork(docker);
  const why = bridge ? await whyNot(settings, bridge) : 'the network of boxes is not there yet';
  if (!bridge || why) {
    console.log(`The firewall is left as it is: ${why}.`);
    return;
  }
  const resolvers = readResolvers();
  const allow = addressList(settings.BOX_EGRESS_ALLOW);
  const deny = addressList(settings.BOX_EGRESS_DENY);
  const isOpen = settings.BOX_EGRESS === 'open';
  try {
    for (const family of existsSync('/proc/net/if_inet6') ? ([4, 6] as const) : ([4] as const)) {
      const command = family === 4 ? 'iptables' : 'ip6tables';
      const bridges = [...new Set([BRIDGE, FLEET_BRIDGE, bridge])];
      if (isOpen) await takeOut(command, bridges);
      else await putIn(command, bridges, { family, allow, deny, resolvers });
    }
  } catch (error) {
    // Whether boxes are filtered all the same, the server finds out.
    console.log(`The firewall could not be set up: ${(error as Error).message}`);
    return;
  }
  const but = [...resolvers.map((address) => `DNS at ${address}`), ...allow];
  const save = but.length > 0 ? `, save ${but.join(', ')}` : '';
  console.log(
    isOpen
      ? 'Boxes may reach private networks and this machine: BOX_EGRESS is "open".'
      : `Boxes reach the internet, but neither private networks nor this machine${save}.`,
  );
}

async function whyNot(
  { DOCKER_SERVER_HOST: address }: Settings,
  bridge: string,
): Promise<string | undefined> {
  if (!/^(unix:\/\/)?\//.test(address) || !readFileSync('/proc/net/dev', 'utf8').includes(`${bridge}:`)) {
    return 'the engine is on another machine, where "npm run firewall" sets it up';
  }
  if (process.getuid?.() !== 0) return 'only root may change it: "npm run firewall" sets it up';
  if (!(await isInstalled('iptables'))) return 'there is no iptables';
  return undefined;
}

/** The lines of iptables-restore(8) that make one protocol's chains anew. */
export function rulesFor({ family, allow, deny, resolvers }: Rules): string {
  const ours = (addresses: string[]) => addresses.filter((address) => isIP(bare(address)) === family);
  const refuse = `-j REJECT --reject-with ${family === 4 ? 'icmp-admin-prohibited' : 'icmp6-adm-prohibited'}`;
  // A resolver may be at a private address, even at that of the metadata service, which is to answer nothing else.
  const dns = ours(resolvers).flatMap((address) =>
    ['udp', 'tcp'].map((protocol) => `-d ${address} -p ${protocol} --dport 53 -j RETURN`),
  );
  const neighbours =
    family === 6 ? ['router-solicitation', 'neighbour-solicitation', 'neighbour-advertisement'] : [];
  const forward = [
    ...dns,
    ...ours(allow).map((address) => `-d ${address} -j RETURN`),
    ...ours([...deny, ...(family === 4 ? CLOSED_V4 : CLOSED_V6)]).map((address) => `-d ${address} ${refuse}`),
  ];
  const input = [
    ...dns,
    ...neighbours.map((type) => `-p ipv6-icmp --icmpv6-type ${type} -j RETURN`),
    // A network that is allowed does not mean the host in it.
    ...ours(allow)
      .filter((address) => /\/(32|128)$/.test(address))
      .map((address) => `-d ${address} -j RETURN`),
    refuse,
  ];
  return [
    '*filter',
    `:${FORWARD_CHAIN} - [0:0]`,
    `:${INPUT_CHAIN} - [0:0]`,
    ...forward.map((rule) => `-A ${FORWARD_CHAIN} ${rule}`),
    ...input.map((rule) => `-A ${INPUT_CHAIN} ${rule}`),
    'COMMIT\n',
  ].join('\n');
}

async function putIn(command: string, bridges: string[], rules: Rules): Promise<void> {
  await change(`${command}-restore`, ['--wait', '--noflush'], rulesFor(rules));
  for (const [parent, ...rule] of await jumps(command, bridges)) {
    if (!(await succeeds(command, ['--wait', '--check', parent, ...rule]))) {
      await change(command, ['--wait', '--insert', parent, ...rule]);
    }
  }
}

async function takeOut(command: string, bridges: string[]): Promise<void> {
  for (const [parent, ...rule] of await jumps(command, bridges)) {
    while (await succeeds(command, ['--wait', '--delete', parent, ...rule]));
  }
}

/** Where our chains are entered: a parent chain and a rule in it each. */
async function jumps(command: string, bridges: string[]): Promise<[string, ...string[]][]> {
  // The engine makes this one, which it goes through first, and only of the protocols that it has to do with.
  const users = await succeeds(command, ['--wait', '--list-rules', 'DOCKER-USER']);
  return bridges.flatMap((bridge): [string, ...string[]][] => [
    [users ? 'DOCKER-USER' : 'FORWARD', '--in-interface', bridge, '--jump', FORWARD_CHAIN],
    ['INPUT', '--in-interface', bridge, '--jump', INPUT_CHAIN],
  ]);
}

/**
 * The name servers that boxes' questions go to: the engine passes them on from the box's own network, except to one on
 * its host's loopback. Like the engine, this reads the real servers of systemd's resolver where that is in between.
 */
function readResolvers(): string[] {
  const read = (file: string) => {
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    return [...text.matchAll(/^\s*nameserver\s+([^\s%]+)/gm)].map(([, address = '']) => address);
  };
  const found = [...read('/etc/resolv.conf'), ...read('/run/systemd/resolve/resolv.conf')];
  return [...new Set(found)].filter((address) => isIP(address) && !/^(127\.|::1$)/.test(address));
}

const bare = (address: string) => address.split('/')[0] ?? '';

/** Where NAT64's well-known prefix puts an IPv4 network (RFC 6052). */
function translated(network: string): string {
  const [address = '', bits] = network.split('/');
  return `64:ff9b::${address}/${96 + Number(bits)}`;
}

async function succeeds(command: string, args: string[]): Promise<boolean> {
  const [code] = await once(spawn(command, args, { stdio: 'ignore' }), 'exit');
  return code === 0;
}

async function change(command: string, args: string[], input = ''): Promise<void> {
  const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'pipe'] });
  child.stdin.on('error', () => {}).end(input);
  const [[code], complaint] = await Promise.all([once(child, 'exit'), buffer(child.stderr)]);
  if (code !== 0)
    throw new Error(`The firewall could not be changed: ${command}: ${String(complaint).trim()}`);
}
