import { lookup } from 'node:dns/promises';
import ipaddr from 'ipaddr.js';
import { errors } from '../errors.js';

/** Addresses of a host name. */
export type Resolve = (hostname: string) => Promise<{ address: string; family: number }[]>;

export type AddressPolicy = {
  /** Whether loopback, private and reserved addresses may be fetched from. */
  allowPrivate: boolean;
  /** The system's resolver unless another is given. */
  resolve?: Resolve | undefined;
};

/** An address that was checked: connections go there, whatever the host's name means a moment later. */
export type Checked = { url: URL; address: string; family: 4 | 6; loopback: boolean };

const systemResolver: Resolve = (hostname) => lookup(hostname, { all: true });

/**
 * Where clouds hand out the credentials of the machine that asks: AWS (v6), Alibaba, Oracle and Google (v6). All others
 * are at the link-local 169.254.169.254.
 */
const METADATA = new Set(['fd00:ec2::254', '100.100.100.200', '192.0.0.192', 'fd20:ce::254']);

/** Never a source, not even on a private network. */
const NEVER = new Set(['linkLocal', 'unspecified', 'multicast', 'broadcast']);

/** RFC 4291: all global unicast addresses that were ever assigned. */
const GLOBAL_UNICAST: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3];

/** Where addresses of the kind carry an IPv4 address, in bytes. */
const EMBEDDED: Record<string, number> = {
  // RFC 4291
  ipv4Mapped: 12,
  // RFC 6145, stateless translation
  rfc6145: 12,
  // RFC 6052, NAT64
  rfc6052: 12,
  // RFC 3056
  '6to4': 2,
  // RFC 4380: the client's, with all bits inverted
  teredo: 12,
};

/**
 * Looks up the host of a source and decides whether it may be fetched from. All addresses of the host must be allowed,
 * those inside other addresses (v4 in v6) too. Link-local addresses, among them the clouds' metadata services, stay
 * forbidden even where private ones are allowed. An IPv4 address is preferred: not every engine's bridge has IPv6.
 * @throws {@link errors.AddressForbidden}; {@link errors.SourceUnavailable} when the host is not found
 */
export function checkSource(source: { url: string }, policy: AddressPolicy): Promise<Checked> {
  return checkUrl(new URL(source.url), policy);
}

/** {@link checkSource} for an address that was not typed by a user: a redirect's. */
export async function checkUrl(
  url: URL,
  { allowPrivate, resolve = systemResolver }: AddressPolicy,
): Promise<Checked> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const found = ipaddr.isValid(host) ? [host] : await addressesOf(host, resolve);
  const addresses = found.map((address) => ipaddr.parse(address));
  for (const address of addresses) checkAddress(address, host, allowPrivate);

  const address = addresses.find((candidate) => candidate.kind() === 'ipv4') ?? addresses[0];
  if (!address) throw new errors.SourceUnavailable(`The host "${host}" was not found: check the URL.`);
  return {
    url,
    address: address.toString(),
    family: address.kind() === 'ipv4' ? 4 : 6,
    loopback: (embedded(address) ?? address).range() === 'loopback',
  };
}

async function addressesOf(host: string, resolve: Resolve): Promise<string[]> {
  try {
    return (await resolve(host)).map(({ address }) => address);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new errors.SourceUnavailable(
      code === 'EAI_AGAIN'
        ? `The host "${host}" could not be looked up: try again later.`
        : `The host "${host}" was not found: check the URL.`,
    );
  }
}

function checkAddress(outer: ipaddr.IPv4 | ipaddr.IPv6, host: string, allowPrivate: boolean): void {
  const address = embedded(outer) ?? outer;
  const text = address.toString();
  const where = host === text ? host : `${host} (${text})`;
  if (NEVER.has(address.range()) || METADATA.has(text)) {
    throw new errors.AddressForbidden(`${where} is never fetched from: it is no address of a public server.`);
  }
  if (!allowPrivate && !isPublic(address)) {
    throw new errors.AddressForbidden(
      `${where} is not a public address: sources on private networks need ALLOW_PRIVATE_SOURCES=true on the server.`,
    );
  }
}

function isPublic(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  const unicast = address.range() === 'unicast';
  return unicast && (address instanceof ipaddr.IPv4 || address.match(GLOBAL_UNICAST));
}

function embedded(address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4 | undefined {
  const offset = address.kind() === 'ipv6' ? EMBEDDED[address.range()] : undefined;
  if (offset === undefined) return undefined;
  const octets = address.toByteArray().slice(offset, offset + 4);
  return new ipaddr.IPv4(address.range() === 'teredo' ? octets.map((octet) => octet ^ 0xff) : octets);
}
