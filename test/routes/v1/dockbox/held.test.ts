import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { startApp } from '../../../helpers/app.js';
import { createBox } from '../../../helpers/box.js';
import { call } from '../../../helpers/client.js';
import { makeDeployment } from '../../../helpers/deployment.js';
import { openScreen } from '../../../helpers/screen.js';
import { startServer } from '../../../helpers/server.js';

const API = '/v1/dockbox';

t.test('a held terminal', async (t) => {
  const app = await startApp(t);
  const { deployment } = app;
  const id = await createBox(t, app, { directory: 'src' });

  await t.test('is the same shell after a reconnect, its screen redrawn', async (t) => {
    const before = await openScreen(t, app, 'box');
    before.type('remembered=yes; cat README\r');
    await before.shows(/^hello$/m);
    await before.leave();

    const after = await openScreen(t, app, 'box');
    await after.shows(/^hello$/m);
    after.type('echo $remembered\r');
    await after.shows(/^yes$/m);
    await after.leave();
  });

  await t.test('gives back what has left the screen, once, to windows of any size', async (t) => {
    const query = { terminal: 'long' };
    const before = await openScreen(t, app, 'box', { query });
    before.type('for i in $(seq 100 200); do echo line $i; done; echo do""ne\r');
    await before.shows(/^done$/m);
    await before.leave();

    for (const rows of [24, 10, 60, 24]) {
      const after = await openScreen(t, app, 'box', { rows, query });
      await after.shows(/^done$/m);
      const shown = [...after.history, ...after.lines].filter((line) => /^line \d+$/.test(line));
      t.same(
        shown,
        Array.from({ length: 101 }, (_, i) => `line ${i + 100}`),
        `${rows} rows`,
      );
      await after.leave();
    }

    const little = await openScreen(t, app, 'box', { query: { ...query, history: '0' } });
    await little.shows(/^done$/m);
    t.same(little.history.join('').trim(), '');
    await little.leave();
  });

  await t.test('is shared by those who connect to it, with windows of any size', async (t) => {
    const large = await openScreen(t, app, 'box', { cols: 120, rows: 40 });
    const small = await openScreen(t, app, 'box', { cols: 60, rows: 15 });
    await Promise.all([large.shows(/[$#]/), small.shows(/[$#]/)]);
    // The window is that of who typed last, for which an emulator's answers to tmux count.
    const cols = async () => {
      const { body } = await call(app, 'GET', `${API}/box/terminals`);
      return body.items.find(({ name }: { name: string }) => name === 'main').cols;
    };
    do large.type('\r');
    while ((await cols()) !== 120);
    large.type('clear; echo sh""ared\r');
    await Promise.all([large.shows(/^shared$/m), small.shows(/^shared$/m)]);
    do small.type('\r');
    while ((await cols()) !== 60);
    small.type('clear; echo sm""aller\r');
    // Beyond the other's window, and its border, there is nothing.
    t.notMatch(await large.shows(/^smaller\b/m), '\u00b7');
    await Promise.all([large.leave(), small.leave()]);
  });

  await t.test('can be watched without typing', async (t) => {
    const typist = await openScreen(t, app, 'box');
    const watcher = await openScreen(t, app, 'box', { query: { readonly: 'true' } });
    await watcher.shows(/[$#]/);
    watcher.type('echo for""bidden\r');
    typist.type('echo al""lowed\r');
    await watcher.shows(/^allowed$/m);
    typist.type('echo la""ter\r');
    await watcher.shows(/^later$/m);
    t.notMatch(watcher.lines.join('\n'), /forbidden/);
    await Promise.all([typist.leave(), watcher.leave()]);
  });

  await t.test('is a plain terminal to what runs in it', async (t) => {
    const query = { terminal: 'plain' };
    const screen = await openScreen(t, app, 'box', { query });
    screen.type(
      'clear; env | grep -ciE "tmux|dockbox_|locpath|terminfo"; echo $TERM $LANG $COLORTERM $SHELL\r',
    );
    await screen.shows(/^0\nxterm-256color C\.UTF-8 truecolor \/usr\/bin\/bash$/m);
    screen.type('clear; locale 2>&1 | grep -c "^LC_ALL=$"; stty size; pwd\r');
    await screen.shows(/^1\n24 80\n\/workspace\/src$/m);
    screen.type(
      'clear; printf "\\344\\270\\226\\347\\225\\214|\\342\\230\\203 \\033[38;2;1;2;3mcolour\\033[0m\\n"\r',
    );
    await screen.shows(/^世界\|☃ colour$/m);
    const row = screen.lines.findIndex((line) => line.startsWith('世界|'));
    const { active } = screen.emulator.buffer;
    const cell = active.getLine(active.baseY + row)?.getCell(7);
    t.equal(cell?.isFgRGB(), true, 'colours are true');
    t.equal(cell?.getFgColor(), 0x010203);
    await screen.leave();
  });

  await t.test('passes on what programs ask of the terminal', async (t) => {
    const screen = await openScreen(t, app, 'box', { query: { terminal: 'modes' } });
    let title = '';
    screen.emulator.onTitleChange((text) => {
      title = text;
    });
    const copied: string[] = [];
    screen.emulator.parser.registerOscHandler(52, (text) => {
      copied.push(text);
      return true;
    });
    screen.type('printf "\\033]2;my title\\007"\r');
    await screen.until(() => title === 'my title');
    // tmux drops what is copied while it redraws a screen, as it does on the emulator's answers to its questions.
    const copying = setInterval(() => screen.type('printf "\\033]52;c;aGVsbG8=\\007"\r'), 500);
    await screen
      .until(() => copied.some((text) => text.endsWith('aGVsbG8=')))
      .finally(() => clearInterval(copying));
    screen.type('printf "\\033[?1000h\\033[?1006h"\r');
    await screen.until(() => screen.emulator.modes.mouseTrackingMode === 'vt200');
    screen.type('printf "\\033[?1000l\\033[?1006l"\r');
    await screen.until(() => screen.emulator.modes.mouseTrackingMode === 'none');
    // The shell asks for bracketed paste with each prompt.
    await screen.until(() => screen.emulator.modes.bracketedPasteMode);
    await screen.leave();
  });

  await t.test('closes with 1000 when its shell exits', async (t) => {
    const query = { terminal: 'exits' };
    const screen = await openScreen(t, app, 'box', { query });
    const other = await openScreen(t, app, 'box', { query });
    await other.shows(/[$#]/);
    screen.type('exit 3\r');
    t.match(await screen.closed, { code: 1000, reason: 'The shell exited.' });
    t.match(await other.closed, { code: 1000, reason: 'The shell exited.' });
    t.notMatch(screen.lines.join('\n'), /\[exited\]|server/);
  });

  await t.test('is listed, and can be ended', async (t) => {
    const query = { terminal: 'listed' };
    const screen = await openScreen(t, app, 'box', { cols: 100, rows: 30, query });
    screen.type('sleep 5555\r');
    const find = async () => {
      const { body } = await call(app, 'GET', `${API}/box/terminals`);
      return body.items.find(({ name }: { name: string }) => name === 'listed');
    };
    while ((await find())?.command !== 'sleep');
    t.same(await find(), { name: 'listed', cols: 100, rows: 30, viewers: 1, command: 'sleep' });

    t.equal((await call(app, 'DELETE', `${API}/box/terminals/listed`)).status, 204);
    t.match(await screen.closed, { code: 1000, reason: 'The terminal was ended.' });
    t.equal(await find(), undefined);
    t.match(await call(app, 'DELETE', `${API}/box/terminals/listed`), {
      status: 404,
      body: { code: 'DBX_NO_TERMINAL' },
    });
    while ((await deployment.processes(id)).some((line) => line.includes('sleep 5555'))) await delay(10);
  });

  await t.test('leaves no client behind when one goes, and lives on', async (t) => {
    const query = { terminal: 'kept' };
    const screen = await openScreen(t, app, 'box', { query });
    screen.type('sleep 6666\r');
    while (!(await deployment.processes(id)).includes('sleep 6666'));
    screen.socket.terminate();
    while ((await deployment.processes(id)).some((line) => / -s kept /.test(line)));
    t.ok((await deployment.processes(id)).includes('sleep 6666'));
    const { body } = await call(app, 'GET', `${API}/box/terminals`);
    t.match(
      body.items.find(({ name }: { name: string }) => name === 'kept'),
      { viewers: 0 },
    );
  });

  await t.test('a box that does not run has none', async (t) => {
    await call(app, 'POST', `${API}/box/stop`);
    t.match(await call(app, 'GET', `${API}/box/terminals`), { status: 200, body: { items: [] } });
  });

  await t.test('begins with a notice when the box had to be started', async () => {
    const screen = await openScreen(t, app, 'box');
    await screen.shows(/had been stopped, and was started again\.$/m);
    await screen.leave();
  });
});

t.test('a held terminal outlives the server that served it', async (t) => {
  const deployment = await makeDeployment(t);
  const victim = await startServer(t, deployment);
  const other = await startServer(t, deployment);
  await createBox(t, other);
  const before = await openScreen(t, victim, 'box');
  before.type('remembered=yes; sleep 7777 & echo star""ted\r');
  await before.shows(/^started$/m);
  await victim.end('SIGKILL');

  const after = await openScreen(t, other, 'box');
  await after.shows(/^started$/m);
  after.type('clear; echo $remembered; pgrep -x -f "sleep 7777" >/dev/null && echo ali""ve\r');
  await after.shows(/^yes\nalive$/m);
});

t.test('what a killed server leaves in a box that others keep running is ended', async (t) => {
  const quick = { LEASE_SECONDS: '2', SWEEP_SECONDS: '0.2', IDLE_TIMEOUT_SECONDS: '4' };
  const deployment = await makeDeployment(t, quick);
  const victim = await startServer(t, deployment);
  const other = await startServer(t, deployment);
  const id = await createBox(t, other);
  const query = { terminal: 'shared' };
  const kept = await openScreen(t, other, 'box', { query });
  const lost = await openScreen(t, victim, 'box', { query });
  const plain = await openScreen(t, victim, 'box', { query: { terminal: '' } });
  plain.type('sleep 8888\r');
  while (!(await deployment.processes(id)).includes('sleep 8888'));
  lost.type('echo sha""red\r');
  await kept.shows(/^shared$/m);
  const viewers = async () =>
    (await call(other, 'GET', `${API}/box/terminals`)).body.items.find(
      ({ name }: { name: string }) => name === 'shared',
    )?.viewers;
  t.equal(await viewers(), 2);
  await victim.end('SIGKILL');

  while ((await viewers()) !== 1) await delay(50);
  while ((await deployment.processes(id)).includes('sleep 8888')) await delay(50);
  kept.type('clear; echo al""ive\r');
  await kept.shows(/^alive$/m);
  await kept.leave();
});
