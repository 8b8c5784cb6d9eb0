import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import type { Scope } from './scope.js';

/** Carries TCP connections between clients and a server until the line is cut. */
export type Relay = {
  /** The address to use in the server's place. */
  base: string;
  /** From now on nothing is carried and nobody is told: to each end, the other has fallen silent. */
  cut(): void;
  /** Carries again, what was sent meanwhile too. */
  join(): void;
};

/**
 * Puts a relay before a server; it goes when the test ends.
 * @param destination its address, or the path of its socket
 */
export async function startRelay(t: Scope, destination: string): Promise<Relay> {
  const target = destination.startsWith('/') ? { path: destination } : addressOf(destination);
  const pairs = new Map<net.Socket, net.Socket>();
  let whole = true;
  const relay = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    const server = net.connect({ ...target, allowHalfOpen: true });
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      pairs.set(from, to);
      from.on('error', () => {});
      from.on('close', () => {
        if (!whole) return;
        to.destroy();
        pairs.delete(from);
      });
      if (whole) from.pipe(to);
    }
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  t.teardown(() => {
    relay.close();
    for (const socket of pairs.keys()) socket.destroy();
  });
  return {
    base: `http://127.0.0.1:${(relay.address() as AddressInfo).port}`,
    cut() {
      whole = false;
      for (const socket of pairs.keys()) socket.unpipe().pause();
    },
    join() {
      whole = true;
      for (const [from, to] of pairs) {
        if (!from.destroyed) from.pipe(to);
        else {
          to.destroy();
          pairs.delete(from);
        }
      }
    },
  };
}

function addressOf(base: string): net.TcpNetConnectOpts {
  const { hostname, port } = new URL(base);
  return { host: hostname, port: Number(port) };
}
