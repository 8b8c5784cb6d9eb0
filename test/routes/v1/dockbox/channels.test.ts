import { once } from 'node:events';
import t, { type Test } from 'tap';
import WebSocket from 'ws';
import { startApp } from '../../../helpers/app.js';
import { createBox } from '../../../helpers/box.js';

const STDIN = 0;
const STDOUT = 1;
const STATUS = 3;
const RESIZE = 4;

/** After how long a wait is in vain, in ms: then it is told what has come. */
const PATIENCE_MS = 60_000;

const app = await startApp(t);
await createBox(t, app);

/** Connects as Kubernetes' clients do. */
async function open(t: Test, protocols: string[], terminal = '') {
  const address = `${app.base.replace('http', 'ws')}/v1/dockbox/ws/box?terminal=${terminal}`;
  const socket = new WebSocket(address, protocols);
  t.teardown(() => socket.terminate());
  const channels = new Map<number, string>();
  const heard = new Set<() => void>();
  socket.on('message', (frame: Buffer) => {
    const channel = frame[0] ?? -1;
    channels.set(channel, (channels.get(channel) ?? '') + frame.toString('utf8', 1));
    for (const listener of heard) listener();
  });
  await once(socket, 'open');
  return {
    socket,
    closed: once(socket, 'close').then(([code]) => code as number),
    send: (channel: number, data: string) =>
      socket.send(Buffer.concat([Buffer.of(channel), Buffer.from(data)])),
    status: () => JSON.parse(channels.get(STATUS) ?? 'null'),
    /** Waits until a channel has brought what the pattern matches. */
    brings: (channel: number, pattern: RegExp) =>
      new Promise<void>((resolve, reject) => {
        const check = () => {
          if (!pattern.test(channels.get(channel) ?? '')) return;
          clearTimeout(late);
          heard.delete(check);
          resolve();
        };
        const late = setTimeout(
          () => reject(new Error(`Channel ${channel} brought ${channels.get(channel)}`)),
          PATIENCE_MS,
        );
        heard.add(check);
        check();
      }),
  };
}

for (const protocol of ['v4.channel.k8s.io', 'v5.channel.k8s.io']) {
  t.test(`${protocol} is spoken with those who offer it`, async (t) => {
    const client = await open(t, [protocol]);
    t.equal(client.socket.protocol, protocol);
    client.send(RESIZE, JSON.stringify({ Width: 99, Height: 44 }));
    client.send(STDIN, 'until [ "$(stty size)" = "44 99" ]; do :; done; echo re""sized\r');
    await client.brings(STDOUT, /^resized\r/m);
    client.send(STDIN, 'exit\r');
    t.equal(await client.closed, 1000);
    t.match(client.status(), { status: 'Success' });
  });
}

t.test('the fifth is preferred', async (t) => {
  const client = await open(t, ['v4.channel.k8s.io', 'v5.channel.k8s.io']);
  t.equal(client.socket.protocol, 'v5.channel.k8s.io');
});

for (const terminal of ['', 'held']) {
  t.test(`an exit status is told, of a shell ${terminal ? 'that is held' : 'of its own'}`, async (t) => {
    const client = await open(t, ['v5.channel.k8s.io'], terminal);
    await client.brings(STDOUT, /[$#]/);
    client.send(STDIN, 'exit 42\r');
    t.equal(await client.closed, 1000);
    t.match(client.status(), {
      status: 'Failure',
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: '42' }] },
    });
  });
}

t.test('what makes no sense is passed over', async (t) => {
  const client = await open(t, ['v5.channel.k8s.io']);
  for (const size of ['', '{', 'null', '{"Width":0,"Height":1}', '{"Width":"9","Height":9}', '[]']) {
    client.send(RESIZE, size);
  }
  client.socket.send(Buffer.alloc(0));
  client.send(STDIN, '');
  client.send(9, 'nobody');
  client.send(255, '\0');
  client.send(STDIN, 'stty size; echo he""re\r');
  await client.brings(STDOUT, /^24 80\r\nhere\r/m);
});

t.test('a protocol that nobody knows is not agreed upon', async (t) => {
  await t.rejects(open(t, ['unknown.example']), /no subprotocol/i);
});
