import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import type { Daemon } from './daemon.js';
import type { Scope } from './scope.js';

/** What there is outside: the internet (RFC 5737, RFC 3849), metadata services, and neighbours on private networks. */
export const INTERNET = ['203.0.113.2', '2001:db8::2'];
export const PRIVATE = ['10.1.2.3', '172.20.0.9', '192.168.7.7', '100.64.0.9', '100.100.100.200', 'fd12::7'];
export const METADATA = ['169.254.169.254', 'fd00:ec2::254'];
/** At a private address, as in most clouds. */
export const RESOLVER = '10.255.0.53';

/** All that is asked for is at the internet's address. */
const DNS_ANSWER = 'c00c0001000100000001000400000000';

/** Answers every TCP connection at port 80 with `here`, and every question of DNS with one address. */
const HOST = `
const net = require('net');
const dns = require('dgram').createSocket('udp4');
const answer = Buffer.from('${DNS_ANSWER}', 'hex');
answer.set('${INTERNET[0]}'.split('.'), 12);
dns.on('message', (query, { port, address }) => {
  const end = query.indexOf(0, 12) + 5;
  const isA = query.readUInt16BE(end - 4) === 1;
  const head = Buffer.from(query.subarray(0, end));
  head.writeUInt16BE(0x8180, 2);
  head.writeUInt16BE(isA ? 1 : 0, 6);
  head.writeUInt32BE(0, 8);
  dns.send(isA ? Buffer.concat([head, answer]) : head, port, address);
});
dns.bind(53, '${RESOLVER}', () => listen(80, () => console.log('listening')));
function listen(port, then) { net.createServer((socket) => socket.end('here')).listen(port, '::', then); }`;

/** A server of the machine's own, on all of its addresses. */
const MACHINE = `require('net').createServer((socket) => socket.end('here')).listen(8080, '::', () => console.log('listening'))`;

/** The machine's addresses, on which port 8080 answers; those of Docker's bridges come on top. */
export const MACHINE_ADDRESSES = ['203.0.113.1', '10.1.2.4', 'fd12::8'];

/**
 * Gives a daemon's machine an outside, a namespace that it routes to: nothing of it leads to any real network. Its port 80
 * answers at every address, and its resolver is the machine's.
 */
export async function startOutside(t: Scope, daemon: Daemon): Promise<void> {
  const directory = await mkdtemp(path.join(tmpdir(), 'dockbox-outside-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const resolv = path.join(directory, 'resolv.conf');
  await writeFile(resolv, `nameserver ${RESOLVER}\n`);
  const outside = [...INTERNET, ...PRIVATE, ...METADATA, RESOLVER];
  await daemon.run(
    'sh',
    '-ec',
    `mount --bind "$1" /etc/resolv.conf
     ip netns add outside
     ip link add uplink type veth peer name eth0 netns outside
     ip link set uplink up
     for address in ${MACHINE_ADDRESSES.join(' ')}; do ip address add "$address" dev uplink nodad; done
     ip -n outside link set lo up
     ip -n outside link set eth0 up
     for address in ${outside.join(' ')}; do ip -n outside address add "$address" dev eth0 nodad; done
     ip -n outside route add 203.0.113.1 dev eth0
     ip -n outside route add default via 203.0.113.1 src 203.0.113.2
     ip -n outside -6 route add fd12::8 dev eth0
     ip -n outside -6 route add default via fd12::8
     ip route add 203.0.113.2 dev uplink
     ip route add default via 203.0.113.2
     ip -6 route add 2001:db8::2 dev uplink
     ip -6 route add default via 2001:db8::2`,
    'sh',
    resolv,
  );
  await listening(daemon, 'ip', 'netns', 'exec', 'outside', process.execPath, '-e', HOST);
  await listening(daemon, process.execPath, '-e', MACHINE);
}

async function listening(daemon: Daemon, ...command: string[]): Promise<void> {
  const program = daemon.launch(...command);
  let complaint = '';
  program.stderr?.on('data', (text) => {
    complaint += text;
  });
  const ended = once(program, 'exit').then(() =>
    Promise.reject(new Error(`It does not listen: ${complaint}`)),
  );
  ended.catch(() => {});
  await Promise.race([once(program.stdout as Readable, 'data'), ended]);
}
