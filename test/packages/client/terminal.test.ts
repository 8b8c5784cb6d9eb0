import { createHash, randomBytes } from 'node:crypto';
import t from 'tap';
import { startApp } from '../../helpers/app.js';
import { tarGz } from '../../helpers/archives.js';
import { createBox } from '../../helpers/box.js';
import { call } from '../../helpers/client.js';
import { makeDeployment } from '../../helpers/deployment.js';
import { serve, startHttpServer } from '../../helpers/http-server.js';
import { openSdkTerminal } from '../../helpers/sdk.js';
import { startServer } from '../../helpers/server.js';

const API = '/v1/dockbox';

t.test('a terminal of the client package', async (t) => {
  const app = await startApp(t);
  await createBox(t, app);

  for (const terminal of ['main', '']) {
    await t.test(
      `tells the exit status of a shell ${terminal ? 'that is held' : 'of its own'}`,
      async (t) => {
        const shell = openSdkTerminal(t, app, { terminal });
        t.equal(shell.write('exit 42\r'), true, 'what is typed before it is connected waits');
        t.same(await shell.ended, {
          code: 1000,
          reason: 'The shell exited.',
          exitStatus: 42,
          isFinal: false,
          undeliveredBytes: 0,
        });
        t.equal(shell.write('x'), false);
      },
    );
  }

  await t.test('has the size of the window', async (t) => {
    const shell = openSdkTerminal(t, app, { terminal: 'sized', cols: 100, rows: 30 });
    shell.write('stty size\r');
    await shell.shows(/30 100/);
    shell.resize(90, 20);
    shell.write('until [ "$(stty size)" = "20 90" ]; do :; done; echo re""sized\r');
    await shell.shows(/resized/);
  });

  await t.test('watches without typing', async (t) => {
    const typist = openSdkTerminal(t, app, { terminal: 'watched' });
    const watcher = openSdkTerminal(t, app, { terminal: 'watched', readonly: true });
    await watcher.shows(/[$#]/);
    t.equal(watcher.write('echo forbidden\r'), false);
    typist.write('echo al""lowed\r');
    await watcher.shows(/allowed/);
  });

  await t.test('brings a large paste whole, and holds no more of it than it was told to', async (t) => {
    const shell = openSdkTerminal(t, app, { terminal: '', maxWaitingBytes: 64 * 1024 });
    shell.write('stty raw -echo; echo rea""dy; head -c 16000000 | sha256sum; stty sane\r');
    await shell.shows(/ready/);
    const paste = Buffer.from(randomBytes(8_000_000).toString('hex'));
    let refused = 0;
    for (let at = 0; at < paste.length; ) {
      if (shell.waitingBytes > 64 * 1024) t.fail(`${shell.waitingBytes} bytes wait`);
      if (shell.write(paste.subarray(at, at + 60_000))) at += 60_000;
      else {
        refused += 1;
        await shell.drained();
      }
    }
    t.ok(refused > 0, 'a part was refused');
    await shell.shows(new RegExp(createHash('sha256').update(paste).digest('hex')));
  });

  await t.test('can hold back output', async (t) => {
    const shell = openSdkTerminal(t, app, { terminal: '' });
    await shell.shows(/[$#]/);
    shell.pause();
    shell.write('echo sh""own\r');
    while (shell.waitingBytes > 0);
    await call(app, 'GET', `${API}/box`);
    t.notMatch(shell.output(), /shown/);
    shell.resume();
    await shell.shows(/shown/);
  });

  await t.test('ends when it is left, and its shell lives on', async (t) => {
    const shell = openSdkTerminal(t, app, { terminal: 'left' });
    shell.write('remembered=yes; echo se""t\r');
    await shell.shows(/set/);
    shell.close();
    t.match(await shell.ended, { code: 1000, undeliveredBytes: 0 });

    const again = openSdkTerminal(t, app, { terminal: 'left' });
    again.write('echo got-$remembered\r');
    await again.shows(/got-yes/);
  });

  await t.test('ends when its box is stopped', async (t) => {
    const shell = openSdkTerminal(t, app);
    await shell.shows(/[$#]/);
    await call(app, 'POST', `${API}/box/stop`);
    t.match(await shell.ended, { code: 1001, reason: /was stopped: connect again to start it/ });
  });

  await t.test('tells why there is none', async (t) => {
    const missing = openSdkTerminal(t, app, { box: 'missing' });
    t.match(await missing.ended, { code: 1006, statusCode: 404, reason: 'There is no dockbox "missing".' });
    const nobody = openSdkTerminal(t, { base: 'http://127.0.0.1:1' });
    t.match(await nobody.ended, { code: 1006, reason: /^Nothing answers at http:\/\/127.0.0.1:1/ });
    const proxy = await startHttpServer(t, (_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"ready"}'),
    );
    const deaf = openSdkTerminal(t, { base: proxy.url });
    t.match(await deaf.ended, { code: 1006, reason: /its WebSocket does not/ });
  });

  await t.test('shows how a box is being created, and why it could not be', async (t) => {
    const archive = tarGz([{ name: 'a', content: 'a' }]);
    const source = await startHttpServer(t, serve({ '/a.tar.gz': archive }));
    for (const [name, file] of [
      ['good', 'a'],
      ['bad', 'b'],
    ]) {
      const body = { url: `${source.url}/${file}.tar.gz`, name };
      await call(app, 'POST', API, body, { prefer: 'wait=0' });
    }
    const bad = openSdkTerminal(t, app, { box: 'bad' });
    t.match(await bad.ended, { reason: /could not be created: .*(404|not found)/i });
    const good = openSdkTerminal(t, app, { box: 'good' });
    await good.shows(/[$#]/);
    await call(app, 'DELETE', `${API}/bad`);
  });
});

t.test('a connection that breaks is made again', async (t) => {
  const deployment = await makeDeployment(t);
  const first = await startServer(t, deployment);
  const PORT = new URL(first.base).port;
  const id = await createBox(t, first);
  const shell = openSdkTerminal(t, first);
  const own = openSdkTerminal(t, first, { terminal: '' });
  const hasty = openSdkTerminal(t, first, { terminal: 'hasty', patienceMs: 0 });
  shell.write('remembered=yes; echo se""t\r');
  await Promise.all([shell.shows(/set/), own.shows(/[$#]/), hasty.shows(/[$#]/)]);

  const broken = shell.next('disconnected');
  await first.end('SIGKILL');
  t.match(await broken, { attempt: 1, reason: 'The connection was lost.', unconfirmedBytes: 0 });
  t.match(await own.ended, { code: 1006 }, 'a shell of its own is lost with it');
  t.match(await hasty.ended, { code: 1006, reason: /did not come back/ });
  t.equal(shell.isConnected, false);
  t.equal(shell.write('echo got-$remembered\r'), true, 'what is typed meanwhile waits');
  t.equal(shell.waitingBytes, 21);

  const back = shell.next('connected');
  const second = await startServer(t, deployment, { PORT });
  shell.retryNow();
  t.same(await back, { again: true });
  await shell.shows(/got-yes/);

  await t.test('and what was typed is not sent to another shell than it was typed for', async (t) => {
    const lost = shell.next('disconnected');
    await second.end('SIGKILL');
    await lost;
    shell.write('rm -rf everything\r');
    await (await deployment.container(id)).stop({ t: 0 });
    await deployment.pool.query('update dockbox set running = false, idle_since = null');
    const discarded = shell.next('discarded');
    const third = await startServer(t, deployment, { PORT });
    shell.retryNow();
    t.same(await discarded, { bytes: 18 });
    shell.write('echo fre""sh\r');
    await shell.shows(/fresh/);
    t.notMatch(shell.output(), /everything/);

    const gone = shell.next('disconnected');
    await third.end('SIGKILL');
    await gone;
    shell.write('never');
    shell.close();
    t.match(await shell.ended, { undeliveredBytes: 5 });
    const last = await startServer(t, deployment);
    await call(last, 'DELETE', `${API}/${id}`);
  });
});
