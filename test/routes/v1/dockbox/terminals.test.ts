import { createHash, randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { startApp } from '../../../helpers/app.js';
import { tarGz } from '../../../helpers/archives.js';
import { createBox } from '../../../helpers/box.js';
import { call, connect, type TerminalClient, until } from '../../../helpers/client.js';
import { type Deployment, makeDeployment } from '../../../helpers/deployment.js';
import { Gate } from '../../../helpers/gate.js';
import { serve, startHttpServer } from '../../../helpers/http-server.js';
import { startRelay } from '../../../helpers/relay.js';
import { openScreen } from '../../../helpers/screen.js';
import { startServer } from '../../../helpers/server.js';

const API = '/v1/dockbox';
const MIB = 1024 ** 2;
const archive = tarGz([{ name: 'hello/src/README', content: 'hello\n' }]);

/** Waits until no process of the box's has this in its command line. */
async function untilGone(deployment: Deployment, id: string, command: string): Promise<void> {
  while ((await deployment.processes(id)).some((line) => line.includes(command)));
}

/** Makes the terminal pass bytes on as they are, to a shell that does not edit its line. */
async function makeRaw(client: TerminalClient): Promise<void> {
  client.type('exec env PS1=sh: sh\r');
  await client.shows(/^sh:/m);
  client.type('PS1=; stty raw -echo; echo ra""w\r');
  await client.shows(/^raw\n/m);
  client.forget();
}

/** Starts a command and waits until it alone reads what is typed. */
async function start(client: TerminalClient, command: string): Promise<void> {
  client.type(`echo begin; ${command}\n`);
  await client.shows(/^begin\n/m);
  client.forget();
}

t.test('bytes arrive as they were sent', async (t) => {
  const app = await startApp(t);
  await createBox(t, app);
  const bytes = randomBytes(MIB);
  const digest = createHash('sha256').update(bytes).digest('hex');

  await t.test('1 MB of random bytes, in frames of any size, and back', async (t) => {
    const client = await connect(t, app, 'box');
    await makeRaw(client);
    await start(client, `head -c ${MIB} >bytes; sha256sum bytes`);
    for (let at = 0; at < bytes.length; ) {
      const end = at + 1 + Math.floor(Math.random() * 40_000);
      client.type(bytes.subarray(at, end));
      at = end;
    }
    t.match(await client.shows(/ bytes/), digest);

    client.forget();
    client.type('cat bytes\n');
    const back = await client.showsBytes(MIB);
    t.equal(createHash('sha256').update(back).digest('hex'), digest);
  });

  await t.test('every control key, those that detach from a container too', async (t) => {
    const client = await connect(t, app, 'box');
    await makeRaw(client);
    const keys = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    for (const repeats of [1, 3]) {
      const typed = Buffer.concat(
        Array(repeats).fill(Buffer.concat([Buffer.from('\x10\x11\x10\x10'), keys])),
      );
      await start(client, `head -c ${typed.length} | od -An -v -tx1 | tr -d ' \\n'; echo .`);
      for (const key of typed) client.type(Buffer.of(key));
      t.equal(await client.shows(/\.$/m), `${typed.toString('hex')}.\n`);
      client.forget();
    }
  });

  await t.test('a character that is split over two frames', async (t) => {
    const client = await connect(t, app, 'box');
    const snowman = Buffer.from('☃');
    client.type("echo '");
    client.type(snowman.subarray(0, 1));
    client.type(snowman.subarray(1));
    client.type("' | od -An -tx1\r");
    await client.shows(/ e2 98 83 0a/);
  });

  await t.test('text frames and binary frames alike', async (t) => {
    const client = await connect(t, app, 'box');
    client.socket.send('echo te', { binary: false });
    client.socket.send(Buffer.from('xt\r'), { binary: true });
    await client.shows(/^text/m);
  });
});

t.test('a terminal has the size that its client asks for', async (t) => {
  const app = await startApp(t);
  await createBox(t, app);
  const size = (terminal: string, body: object) =>
    call(app, 'POST', `${API}/box/terminals/${terminal}/size`, body);

  await t.test('80 columns and 24 rows by default', async (t) => {
    const client = await connect(t, app, 'box');
    client.type('stty size\r');
    await client.shows(/^24 80\r/m);
  });

  await t.test('from the start', async (t) => {
    const client = await connect(t, app, 'box', '?terminal=&cols=101&rows=33');
    client.type('stty size\r');
    await client.shows(/^33 101\r/m);
  });

  await t.test('and later, by its name', async (t) => {
    const side = await openScreen(t, app, 'box', { query: { terminal: 'side' } });
    const main = await openScreen(t, app, 'box');
    await side.shows(/[$#]/);
    t.equal((await size('side', { cols: 90, rows: 20 })).status, 204);
    // What holds the terminal passes its size on in its own time.
    side.type('until [ "$(stty size)" = "20 90" ]; do sleep 0.1; done; echo res""ized\r');
    await side.shows(/^resized$/m);
    main.type('stty size\r');
    await main.shows(/^24 80$/m);
  });

  await t.test('sizes and names that can not be are refused', async (t) => {
    for (const body of [{}, { cols: 0, rows: 1 }, { cols: 1, rows: 1001 }, { cols: '80', rows: 24 }]) {
      t.equal((await size('main', body)).status, 400, JSON.stringify(body));
    }
    t.equal((await size('a b', { cols: 1, rows: 1 })).status, 400);
    for (const query of ['?cols=0', '?rows=x', '?terminal=a%20b', `?terminal=${'a'.repeat(33)}`]) {
      await t.rejects(connect(t, app, 'box', query), /400/, query);
    }
  });

  await t.test('one that nobody is connected to has none', async (t) => {
    t.match(await size('nobody', { cols: 80, rows: 24 }), { status: 404, body: { code: 'DBX_NO_TERMINAL' } });
  });
});

t.test('the handshake is refused with an HTTP status', async (t) => {
  const app = await startApp(t);
  await t.rejects(connect(t, app, 'nobody'), /404/);
  t.match(await call(app, 'GET', `${API}/ws/nobody`), {
    status: 426,
    body: { code: 'DBX_UPGRADE_REQUIRED' },
  });
});

t.test('the close says why', async (t) => {
  const app = await startApp(t);
  const id = await createBox(t, app);

  await t.test('1000 when the shell exits', async (t) => {
    const client = await connect(t, app, 'box');
    client.type('exit 3\r');
    t.match(await client.closed, { code: 1000, reason: 'The shell exited.' });
  });

  await t.test('1009 when a frame is too large, and its shell ends', async (t) => {
    const client = await connect(t, app, 'box');
    client.type('sleep 1009\r');
    await client.shows(/sleep/);
    client.type(Buffer.alloc(MIB + 1));
    t.match(await client.closed, { code: 1009 });
    await untilGone(app.deployment, id, 'sleep 1009');
  });

  await t.test('1001 when the box is stopped', async (t) => {
    const client = await connect(t, app, 'box');
    await client.shows(/\$|#/);
    await call(app, 'POST', `${API}/box/stop`);
    t.match(await client.closed, { code: 1001, reason: /stopped/ });
  });

  await t.test('1001 when the box is deleted', async (t) => {
    const client = await connect(t, app, 'box');
    await client.shows(/\$|#/);
    t.equal((await call(app, 'DELETE', `${API}/box`)).status, 204);
    t.match(await client.closed, { code: 1001, reason: /deleted/ });
  });
});

t.test('1012 when the server goes away', async (t) => {
  const deployment = await makeDeployment(t);
  const server = await startServer(t, deployment, { DRAIN_SECONDS: '0' });
  const successor = await startServer(t, deployment);
  const id = await createBox(t, server);
  const client = await connect(t, server, 'box');
  client.type('sleep 1012\r');
  await client.shows(/sleep/);

  t.equal(await server.end('SIGTERM'), 0);
  t.match(await client.closed, { code: 1012, reason: /connect again/ });
  t.notOk((await deployment.processes(id)).includes('sleep 1012'));
  const { body } = await call(successor, 'GET', `${API}/box`);
  t.match(body, { running: true, connections: 0 }, 'the box is left running');
});

t.test('connecting sees to it that the box runs', async (t) => {
  const app = await startApp(t);
  const id = await createBox(t, app, { directory: 'src' });
  const readsFile = async (client: TerminalClient) => {
    client.type('cat kept\r');
    await client.shows(/^kept/m);
    client.type('pwd\r');
    await client.shows(/^\/workspace\/src/m);
    client.socket.close();
    await client.closed;
  };
  await app.deployment.run(id, 'sh', '-c', 'echo kept >/workspace/src/kept');

  await t.test('when it was stopped', async (t) => {
    await call(app, 'POST', `${API}/box/stop`);
    await readsFile(await connect(t, app, 'box'));
  });

  await t.test('when its container was killed', async (t) => {
    await (await app.deployment.container(id)).kill();
    await readsFile(await connect(t, app, 'box'));
  });

  await t.test('when its container was removed: it is made again', async (t) => {
    await (await app.deployment.container(id)).remove({ force: true });
    await readsFile(await connect(t, app, 'box'));
    t.match((await call(app, 'GET', `${API}/box`)).body, { running: true });
  });
});

t.test('a box whose files are gone says so, and does not begin anew with none', async (t) => {
  const app = await startApp(t);
  const id = await createBox(t, app);
  await call(app, 'POST', `${API}/box/stop`);
  await rm(path.join(app.deployment.mountPoint, id), { recursive: true });
  const client = await connect(t, app, 'box');
  t.match(await client.closed, { code: 1011, reason: /files of the dockbox "box" are missing/ });
  t.same(await app.deployment.workspaces(), []);
});

t.test('a box that is being created shows its progress', async (t) => {
  const app = await startApp(t);
  const gate = new Gate();
  const server = await startHttpServer(
    t,
    serve({
      '/slow.tar.gz': (_request, response) => gate.passed.then(() => response.end(archive)),
      '/missing.tar.gz': (_request, response) => gate.passed.then(() => response.writeHead(404).end()),
    }),
  );
  const wait = { prefer: 'wait=0' };
  for (const name of ['slow', 'missing']) {
    await call(app, 'POST', API, { url: `${server.url}/${name}.tar.gz`, name }, wait);
  }
  const client = await connect(t, app, 'slow');
  const unlucky = await connect(t, app, 'missing');
  await client.shows(/Fetching http:.*slow\.tar\.gz/);
  client.type('echo ty""ped\r');
  gate.open();

  await t.test('and becomes its terminal, with what was typed meanwhile', async () => {
    await client.shows(/^typed/m);
  });

  await t.test('or closes with what went wrong', async (t) => {
    t.match(await unlucky.closed, { code: 1011, reason: /404|not found/i });
  });
});

t.test('clients come and go', async (t) => {
  const app = await startApp(t, { PING_SECONDS: '0.3' });
  const id = await createBox(t, app);

  await t.test('two at once have a shell each, and are counted', async (t) => {
    const one = await connect(t, app, 'box');
    const two = await connect(t, app, 'box');
    one.type('echo o""ne\r');
    two.type('echo t""wo\r');
    await one.shows(/^one/m);
    await two.shows(/^two/m);
    t.equal((await call(app, 'GET', `${API}/box`)).body.connections, 2);

    one.socket.close();
    await until(app, 'box', ({ body }) => body.connections === 1);
    two.type('echo st""ill\r');
    await two.shows(/^still/m);
  });

  await t.test("a client's processes end when it closes, however stubborn", async (t) => {
    const client = await connect(t, app, 'box');
    client.type('trap "" HUP TERM; (trap "" HUP TERM; sleep 1111) & sleep 2222\r');
    while ((await app.deployment.processes(id)).filter((line) => line.startsWith('sleep')).length < 2);
    client.socket.close();
    await untilGone(app.deployment, id, 'sleep');
  });

  await t.test("a client's processes end when it is cut off", async (t) => {
    const client = await connect(t, app, 'box');
    client.type('sleep 3333\r');
    while (!(await app.deployment.processes(id)).includes('sleep 3333'));
    client.socket.terminate();
    await untilGone(app.deployment, id, 'sleep');
  });

  await t.test('a client that has fallen silent, its TCP connection open, is found out', async (t) => {
    const relay = await startRelay(t, app.base);
    const client = await connect(t, relay, 'box');
    client.type('sleep 4444\r');
    while (!(await app.deployment.processes(id)).includes('sleep 4444'));
    relay.cut();
    client.socket.terminate();
    await untilGone(app.deployment, id, 'sleep 4444');
    await until(app, 'box', ({ body }) => body.connections === 0);
  });

  await t.test('a client that answers pings stays', async (t) => {
    const client = await connect(t, app, 'box');
    let pings = 0;
    client.socket.on('ping', () => {
      pings += 1;
    });
    await until(app, 'box', () => pings > 5);
    client.type('echo he""re\r');
    await client.shows(/^here/m);
  });
});
