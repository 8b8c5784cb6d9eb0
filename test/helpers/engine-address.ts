import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import net, { type AddressInfo } from 'node:net';
import tls from 'node:tls';
import type { Test } from 'tap';
import type { Authority } from './certificates.js';

const ENGINE = (process.env.DOCKER_SERVER_HOST ?? '/var/run/docker.sock').replace(/^unix:\/\//, '');

/**
 * The real engine at a TCP address; the test's end closes it.
 * @param authority makes it mutual TLS: the engine's certificate, and those of its clients, are of this authority
 * @returns its host and port
 */
export async function startEngineAddress(t: Test, authority?: Authority): Promise<string> {
  const sockets = new Set<net.Socket>();
  const carry = (client: net.Socket) => {
    // A terminal's stream is closed on one side first.
    const engine = net.connect({ path: ENGINE, allowHalfOpen: true });
    for (const [from, to] of [
      [client, engine],
      [engine, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => sockets.delete(from));
      from.pipe(to);
    }
  };
  const server = authority
    ? tls.createServer({ ...(await credentials(authority)), allowHalfOpen: true } as tls.TlsOptions, carry)
    : net.createServer({ allowHalfOpen: true }, carry);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function credentials(authority: Authority): Promise<tls.TlsOptions> {
  const { cert, key } = await authority.issue('server', 'IP:127.0.0.1');
  return {
    cert: await readFile(cert),
    key: await readFile(key),
    ca: await readFile(authority.file),
    requestCert: true,
    rejectUnauthorized: true,
  };
}
