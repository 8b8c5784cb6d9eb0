import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import fc, { type Arbitrary } from 'fast-check';
import t, { type Test } from 'tap';
import { createBox } from '../helpers/box.js';
import { call, connect, type TerminalClient } from '../helpers/client.js';
import { makeDeployment } from '../helpers/deployment.js';
import { startServer } from '../helpers/server.js';

/** How many handshakes are cut short, and how many of them at a time. */
const CUT_SHORT = 1000;
const AT_ONCE = 50;

const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };
/** Above what the server takes, in bytes. */
const TOO_MUCH = 1024 * 1024 + 1;

type Frame = { opcode: number; fin: boolean; rsv: number; masked: boolean; payload: Buffer; claims?: number };

/** A frame's bytes, by RFC 6455, section 5.2, right or wrong. @param claims a length that is not the payload's */
function encode({ opcode, fin, rsv, masked, payload, claims = payload.length }: Frame): Buffer {
  const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode];
  const mask = masked ? 0x80 : 0;
  if (claims < 126) head.push(mask | claims);
  else if (claims < 65_536) head.push(mask | 126, claims >> 8, claims & 0xff);
  else {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(claims));
    head.push(mask | 127, ...length);
  }
  if (!masked) return Buffer.concat([Buffer.from(head), payload]);
  const key = randomBytes(4);
  const masking = payload.map((byte, at) => byte ^ (key[at % 4] as number));
  return Buffer.concat([Buffer.from(head), key, masking]);
}

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));

/** Frames as no browser sends them. */
const anyFrame: Arbitrary<Frame> = fc.record({
  opcode: fc.oneof(fc.constantFrom(...Object.values(OPCODE)), fc.integer({ min: 0, max: 15 })),
  fin: fc.boolean(),
  rsv: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 7 })),
  masked: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
  payload: bytes,
});

const NAMED: Record<string, Buffer> = {
  'text that is not UTF-8': encode(frame('text', Buffer.from([0xc3, 0x28, 0xff, 0xfe]))),
  'a fragment of a fragment': Buffer.concat([
    encode({ ...frame('text', Buffer.from('a')), fin: false }),
    encode({ ...frame('text', Buffer.from('b')), fin: false }),
  ]),
  'a continuation of nothing': encode(frame('continuation', Buffer.from('a'))),
  'a frame without a mask': encode({ ...frame('text', Buffer.from('a')), masked: false }),
  'a reserved opcode': encode({ ...frame('text', Buffer.from('a')), opcode: 5 }),
  'a reserved bit, as if compressed': encode({ ...frame('text', Buffer.from('a')), rsv: 4 }),
  'a ping that is too long': encode(frame('ping', Buffer.alloc(126))),
  'a ping in pieces': encode({ ...frame('ping', Buffer.from('a')), fin: false }),
  'a close with half a code': encode(frame('close', Buffer.from([3]))),
  'a close with a code that nobody may send': encode(frame('close', Buffer.from([0x03, 0xee]))),
  'a close with a reason that is not UTF-8': encode(frame('close', Buffer.from([0x03, 0xe8, 0xff]))),
  'a frame that is too large': encode(frame('binary', Buffer.alloc(TOO_MUCH))),
  'a frame that claims 2^53 bytes': encode({ ...frame('binary', Buffer.alloc(0)), claims: 2 ** 53 - 1 }),
  'a message too large, in small pieces': Buffer.concat(
    Array.from({ length: 20 }, (_, at) => ({
      ...frame(at === 0 ? 'binary' : 'continuation', Buffer.alloc(TOO_MUCH / 16)),
      fin: false,
    })).map(encode),
  ),
};

function frame(kind: keyof typeof OPCODE, payload: Buffer): Frame {
  return { opcode: OPCODE[kind], fin: true, rsv: 0, masked: true, payload };
}

t.test('whatever clients send, the server and the terminals of others live on', async (t) => {
  const server = await startServer(t, await makeDeployment(t));
  const id = await createBox(t, server);
  const { hostname, port } = new URL(server.base);
  const neighbour = await connect(t, server, 'box');
  await neighbour.shows(/[$#]/);
  let asked = 0;

  /** A TCP connection that a client has just for itself. */
  async function open(t: Test): Promise<net.Socket> {
    const socket = net.connect(Number(port), hostname).on('error', () => {});
    t.teardown(() => socket.destroy());
    await once(socket, 'connect');
    return socket;
  }

  async function upgraded(t: Test, protocol?: string): Promise<net.Socket> {
    const socket = await open(t);
    socket.write(handshake(id, protocol));
    const [answer] = await once(socket, 'data');
    t.match(String(answer), /^HTTP\/1\.1 101 /);
    return socket;
  }

  /** Waits until a connection is gone, whoever ended it and however: `once` of events takes a reset for a failure. */
  function gone(socket: net.Socket): Promise<void> {
    socket.resume();
    return new Promise((resolve) => {
      if (socket.closed) resolve();
      else socket.once('close', () => resolve());
    });
  }

  async function allIsWell(t: Test, neighbour: TerminalClient): Promise<void> {
    asked += 1;
    neighbour.type(`echo "still $((${asked}*7)) here"\r`);
    await neighbour.shows(new RegExp(`^still ${asked * 7} here`, 'm'));
    while ((await call(server, 'GET', `/v1/dockbox/${id}`)).body.connections !== 1);
    t.equal((await call(server, 'GET', '/health/ready')).status, 200);
  }

  for (const [what, sent] of Object.entries(NAMED)) {
    await t.test(`${what} ends the connection that sent it`, async (t) => {
      const socket = await upgraded(t);
      socket.write(sent);
      await gone(socket);
      await allIsWell(t, neighbour);
    });
  }

  await t.test('frames of all kinds', async (t) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(anyFrame.map(encode), bytes), { minLength: 1, maxLength: 8 }),
        fc.constantFrom(undefined, 'v4.channel.k8s.io', 'v5.channel.k8s.io'),
        async (frames, protocol) => {
          const socket = await upgraded(t, protocol);
          for (const frame of frames) socket.write(frame);
          socket.end();
          await gone(socket);
        },
      ),
      { numRuns: 25, endOnFailure: true },
    );
    await allIsWell(t, neighbour);
  });

  await t.test('subprotocols that nobody speaks', async (t) => {
    for (const protocol of ['nonsense', 'v9.channel.k8s.io', ', ,', '"', 'a'.repeat(5000)]) {
      const socket = await open(t);
      socket.write(handshake(id, protocol));
      const [answer] = await once(socket, 'data');
      t.match(String(answer), /^HTTP\/1\.1 (101|400) /, protocol.slice(0, 20));
      socket.destroy();
    }
    await allIsWell(t, neighbour);
  });

  await t.test('handshakes without a key, with a wrong one, of another version', async (t) => {
    const wrong = [
      ['sec-websocket-key: short'],
      [],
      ['sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-version: 7'],
    ];
    for (const headers of wrong) {
      const socket = await open(t);
      socket.write(request(id, ['connection: upgrade', 'upgrade: websocket', ...headers]));
      const [answer] = await once(socket, 'data');
      t.match(String(answer), /^HTTP\/1\.1 4\d\d /, headers.join());
      socket.destroy();
    }
    await allIsWell(t, neighbour);
  });

  await t.test(`${CUT_SHORT} handshakes that are cut short`, async (t) => {
    const whole = handshake(id);
    let left = CUT_SHORT;
    const client = async () => {
      while (left > 0) {
        left -= 1;
        const socket = net.connect(Number(port), hostname).on('error', () => {});
        await once(socket, 'connect');
        // At each of its bytes; and after the last, when the server is about to make a terminal.
        socket.write(whole.slice(0, 1 + (left % whole.length)), () => socket.resetAndDestroy());
        await gone(socket);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, client));
    await allIsWell(t, neighbour);
  });
});

function request(id: string, headers: string[]): string {
  return [`GET /v1/dockbox/ws/${id}?terminal= HTTP/1.1`, 'host: localhost', ...headers, '', ''].join('\r\n');
}

function handshake(id: string, protocol?: string): string {
  const key = createHash('md5').update(id).digest('base64');
  return request(id, [
    ...[
      'connection: upgrade',
      'upgrade: websocket',
      'sec-websocket-version: 13',
      `sec-websocket-key: ${key}`,
    ],
    ...(protocol ? [`sec-websocket-protocol: ${protocol}`] : []),
  ]);
}
