import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import { createBox } from '../../../helpers/box.js';
import { makeDeployment } from '../../../helpers/deployment.js';
import { openScreen } from '../../../helpers/screen.js';
import { startServer } from '../../../helpers/server.js';

/** Lines that a client types before it has seen their echo, and how many it sees before its server is killed. */
const AHEAD = 50;
const ENOUGH = 100;

const deployment = await makeDeployment(t);
const survivor = await startServer(t, deployment);
const id = await createBox(t, survivor);

t.test('a job runs on whose server was killed, and is still the shell’s own', async (t) => {
  const victim = await startServer(t, deployment);
  const query = { terminal: 'job' };
  const before = await openScreen(t, victim, 'box', { query });
  /** The job as the shell and the kernel have it. */
  const describe = 'clear; jobs -l; echo "since $(ps -o lstart= -p $!)"\r';
  before.type(`sleep 600 &\r${describe}`);
  const job = /^\[1\]\+ +\d+ Running +sleep 600 &\nsince .+$/m;
  const [told] = job.exec(await before.shows(job)) ?? [];
  await victim.end('SIGKILL');

  const after = await openScreen(t, survivor, 'box', { query });
  await after.shows(job);
  after.type(`clear; echo an"ew"\r`);
  await after.shows(/^anew$/m);
  after.type(describe);
  t.equal(job.exec(await after.shows(job))?.[0], told);
  after.type('clear; kill %1; wait %1; echo "status $?"\r');
  await after.shows(/^status 143$/m);
  await after.leave();
});

t.test('of what is typed while a server dies, what was seen is there, once and in order', async (t) => {
  const victim = await startServer(t, deployment);
  const query = { terminal: 'typed' };
  const before = await openScreen(t, victim, 'box', { query });
  before.type('clear; echo re""ady; cat >typed\r');
  await before.shows(/^ready$/m);
  const seen = () => Math.max(-1, ...numbers(before.lines));
  let sent = 0;
  let death: Promise<unknown> | undefined;
  while (before.socket.readyState === before.socket.OPEN) {
    // So far ahead of what it sees, and no further: it dies with as much on its way.
    if (sent < seen() + AHEAD) before.type(`${sent++}\r`);
    if (seen() > ENOUGH) death ??= victim.end('SIGKILL');
    await turn();
  }
  await death;

  const after = await openScreen(t, survivor, 'box', { query });
  // Ends the line that may have got through in part.
  after.type('\rend\r\x04');
  await after.shows(/^end\n.*# *$/m);
  const lines = (await deployment.run(id, 'cat', 'typed')).trim().split('\r\n');
  t.equal(lines.pop(), 'end');
  const part = lines.pop();
  t.same(lines.map(Number), [...lines.keys()], 'each is there once, and in its place');
  t.ok(String(lines.length).startsWith(part ?? '?'));
  t.ok(lines.length > seen(), 'what was shown had got through');
  t.ok(lines.length <= sent);
  await after.leave();

  // What came while that client connected may have scrolled by; by now all is quiet.
  const last = await openScreen(t, survivor, 'box', { query });
  await last.shows(/^end\n.*# *$/m);
  const shown = numbers([...last.history, ...last.lines]);
  t.same(shown.slice(0, lines.length), [...lines.keys()], 'and is shown again');
  await last.leave();
});

/** The numbers that have a line to themselves. */
function numbers(lines: string[]): number[] {
  return lines.filter((line) => /^\d+$/.test(line)).map(Number);
}
