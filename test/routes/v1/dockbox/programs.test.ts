import t from 'tap';
import { createBox } from '../../../helpers/box.js';
import { call, type Service } from '../../../helpers/client.js';
import { makeDeployment } from '../../../helpers/deployment.js';
import { programsImage } from '../../../helpers/programs.js';
import { openScreen, type Screen } from '../../../helpers/screen.js';
import { startServer } from '../../../helpers/server.js';

const deployment = await makeDeployment(t);
const app = await startServer(t, deployment);
const id = await createBox(t, app, { image: await programsImage(deployment.docker) });

/** What a person sees: the screen's lines, and where the cursor is. */
const seen = ({ lines, emulator }: Screen) => {
  const { cursorX, cursorY } = emulator.buffer.active;
  return { lines, cursorX, cursorY };
};

/** Waits until a new client sees what another one saw. */
async function showsAgain(screen: Screen, before: ReturnType<typeof seen>): Promise<void> {
  await screen.until(() => JSON.stringify(seen(screen)) === JSON.stringify(before));
}

/** Changes the size of a client's window, as its user does. */
async function resize(service: Service, { emulator }: Screen, terminal: string, cols: number, rows: number) {
  emulator.resize(cols, rows);
  await call(service, 'POST', `/v1/dockbox/box/terminals/${terminal}/size`, { cols, rows });
}

t.test('vim goes on where the connection was cut, in the middle of a word', async (t) => {
  const query = { terminal: 'vim' };
  const before = await openScreen(t, app, 'box', { query });
  before.type('vim note\r');
  await before.shows(/"note" \[New\]/);
  before.type('ifirst line\rsec');
  await before.shows(/^sec\n(~\n)+-- INSERT --/m);
  const screen = seen(before);
  before.socket.terminate();

  const after = await openScreen(t, app, 'box', { query });
  await showsAgain(after, screen);
  after.type('ond line\r世界\x1b:wq\r');
  await after.shows(/"note" \[New\] 3L, \d+B written/);
  t.equal(await deployment.run(id, 'cat', 'note'), 'first line\r\nsecond line\r\n世界\r\n');
  await after.leave();
});

t.test('htop fills the new size of a window, once', async (t) => {
  const screen = await openScreen(t, app, 'box', { query: { terminal: 'htop' } });
  screen.type('htop\r');
  const isFull = () => {
    const { lines, emulator } = screen;
    const { active } = emulator.buffer;
    const corner = active.getLine(active.baseY + emulator.rows - 1)?.getCell(emulator.cols - 1);
    return (
      /^ +\S+\[/.test(lines[1] ?? '') &&
      lines.at(-1)?.startsWith('F1Help') === true &&
      // The bar of keys is coloured as far as the window goes.
      corner?.isBgDefault() === false &&
      [/^ +PID USER/, /F10Quit/].every((once) => lines.filter((line) => once.test(line)).length === 1)
    );
  };
  await screen.until(isFull);
  for (const [cols, rows] of [
    [120, 40],
    [100, 20],
    [80, 24],
  ] as const) {
    await resize(app, screen, 'htop', cols, rows);
    await screen.until(isFull);
  }
  screen.type('q');
  await screen.shows(/^root@box:\/workspace#\n*$/m);
  // tmux tells a program of a window's size a moment after it has changed.
  screen.type('clear; until [ "$(stty size)" = "24 80" ]; do sleep 0.1; done; echo si""zed\r');
  await screen.shows(/^sized$/m);
  await screen.leave();
});

t.test('less keeps its place', async (t) => {
  const query = { terminal: 'less' };
  const before = await openScreen(t, app, 'box', { query });
  before.type('seq -f "line %g" 2000 | less\r');
  await before.shows(/^line 23\n:/m);
  before.type('1000g');
  await before.shows(/^line 1000\n[\s\S]*^line 1022\n:/m);
  const screen = seen(before);
  before.socket.terminate();

  const after = await openScreen(t, app, 'box', { query });
  await showsAgain(after, screen);
  after.type(' ');
  await after.shows(/^line 1023\n[\s\S]*^line 1045\n:/m);
  after.type('q');
  await after.leave();
});
