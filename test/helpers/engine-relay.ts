import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { pipeline, Transform } from 'node:stream';
import type { Test } from 'tap';

/** Carries requests to the Docker engine, and holds back those that a test wants to be late. */
export type EngineRelay = {
  /** The address to use in the engine's place. */
  base: string;
  /** From now on requests that match are not carried. Resolves when there is the first one. */
  hold(request: RegExp): Promise<void>;
  /** Carries what was held back, and everything again. @returns how many requests were held back */
  release(): number;
};

/** Puts a relay before the engine; it goes when the test ends. */
export async function startEngineRelay(t: Test): Promise<EngineRelay> {
  const engineSocket = process.env.DOCKER_SERVER_HOST ?? '/var/run/docker.sock';
  const sockets = new Set<net.Socket>();
  let wanted: { request: RegExp; arrived: () => void } | undefined;
  let held: (() => void)[] = [];
  const relay = net.createServer({ allowHalfOpen: true }, (client) => {
    const engine = net.connect({ path: engineSocket, allowHalfOpen: true });
    sockets.add(client).add(engine);
    // A request's first line comes in one piece: the client sends all of its head at once.
    const carry = new Transform({
      transform(chunk, _encoding, done) {
        if (!wanted?.request.test(chunk.toString('latin1'))) return done(null, chunk);
        held.push(() => done(null, chunk));
        wanted.arrived();
      },
    });
    pipeline(client, carry, engine, () => {});
    pipeline(engine, client, () => sockets.delete(client) && sockets.delete(engine));
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  t.teardown(() => {
    relay.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    base: `http://127.0.0.1:${(relay.address() as AddressInfo).port}`,
    hold: (request) =>
      new Promise((resolve) => {
        wanted = { request, arrived: resolve };
      }),
    release() {
      wanted = undefined;
      const late = held;
      held = [];
      for (const carryOn of late) carryOn();
      return late.length;
    },
  };
}
