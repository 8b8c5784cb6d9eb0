import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { startApp } from '../../helpers/app.js';
import { tarGz } from '../../helpers/archives.js';
import { createBox } from '../../helpers/box.js';
import { makeCli } from '../../helpers/cli.js';
import { call } from '../../helpers/client.js';
import { makeDeployment } from '../../helpers/deployment.js';
import { Gate } from '../../helpers/gate.js';
import { startGitServer } from '../../helpers/git-server.js';
import { serve, startHttpServer } from '../../helpers/http-server.js';
import { openPty } from '../../helpers/pty.js';
import { openScreen } from '../../helpers/screen.js';
import { startServer } from '../../helpers/server.js';

/** The box's prompt. */
const PROMPT = /^root@box:\/workspace[^\n]*# *$/m;

t.test('one command leads from a URL to a shell', async (t) => {
  const app = await startApp(t);
  const cli = await makeCli(t, app.base);
  const gate = new Gate();
  const server = await startGitServer(t, {
    intercept: (request, response) => {
      if (!request.url?.startsWith('/closed')) return false;
      void gate.passed.then(() => response.writeHead(404).end());
      return true;
    },
  });
  const repository = await server.createRepository('demo');
  await repository.commit({ README: 'hello\n' });
  const pty = await openPty(t, cli.env);

  await pty.enter(`dockbox new git::${repository.url} --name box; echo status $?`);
  await pty.shows(/This is box: "dockbox connect box" brings you back/);
  await pty.shows(PROMPT);
  await pty.enter('git log --oneline | wc -l; cat README');
  await pty.shows(/^1\nhello$/m);
  await pty.enter('exit 7');
  await pty.shows(/^status 7\nlocal\$/m);

  await t.test('shows how the source is fetched, and why it could not be', async (t) => {
    await pty.enter(`clear; dockbox new git::${server.url}/closed --name closed; echo status $?`);
    await pty.shows(/Fetching|Cloning|Resolving|closed/i);
    gate.open();
    const screen = await pty.shows(/^status 1$/m);
    t.match(screen, /not found/i);
    const { body } = await call(app, 'GET', '/v1/dockbox');
    t.notOk(
      body.items.some(({ name }: { name: string }) => name === 'closed'),
      'nothing is left of it',
    );
  });
});

t.test('a terminal in a terminal', async (t) => {
  const app = await startApp(t);
  const cli = await makeCli(t, app.base);
  await createBox(t, app);
  const pty = await openPty(t, cli.env);
  const settings = async (name: string) => {
    await pty.enter(`clear; stty -g >${name}; echo sa""ved`);
    await pty.shows(/^saved$/m);
    return readFile(path.join(cli.directory, name), 'utf8');
  };
  await pty.enter('cd; clear');
  const before = await settings('before');

  await t.test('has its size, also when that changes', async () => {
    await pty.enter('clear; dockbox connect box; echo status $?');
    await pty.shows(PROMPT);
    await pty.enter('stty size');
    await pty.shows(/^30 100$/m);
    await pty.resize(90, 20);
    await pty.enter('clear; stty size');
    await pty.shows(/^20 90$/m);
  });

  await t.test('gets what is typed, Ctrl-C and other characters of control too', async () => {
    await pty.enter('clear; cat -v; echo en""ded');
    await pty.type('\x16\x03\x16\x1a世界\r');
    await pty.shows(/^\^C\^ZM-/m);
    await pty.tmux('send-keys', 'C-c');
    await pty.shows(/^ended$|\^C\n/m);
    await pty.enter('clear; echo al""ive');
    await pty.shows(/^alive$/m);
  });

  await t.test('is left with ~. at the beginning of a line, and is there for the next time', async (t) => {
    await pty.enter('clear; remembered=yes; echo a ~. b; echo ~~.');
    await pty.shows(/^a ~\. b\n~~\.$/m);
    await pty.type('~?');
    await pty.shows(/~\. {2}leave; the terminal lives on/);
    await pty.enter('');
    await pty.type('~~');
    await pty.shows(/# ~$/m);
    await pty.tmux('send-keys', 'C-c');
    await pty.enter('');
    await pty.type('~.');
    await pty.shows(/^status 0\nlocal\$/m);
    t.equal(await settings('after'), before);

    await pty.enter('clear; dockbox connect box');
    await pty.shows(PROMPT);
    await pty.enter('clear; echo got-$remembered');
    await pty.shows(/^got-yes$/m);
    await pty.enter('');
    await pty.type('~.');
    await pty.shows(/local\$/);
  });

  const LITTER =
    'printf "\\033[?1049h\\033[?1000h\\033[?1006h\\033[?2004h\\033[?25l\\033[?7l\\033=\\033[3;5r\\033[31mli""ttered"';
  const clean = async () => {
    const names = [
      'mouse_any_flag',
      'mouse_sgr_flag',
      'alternate_on',
      'keypad_flag',
      'cursor_flag',
      'wrap_flag',
    ];
    const flags = await Promise.all([...names, 'scroll_region_upper'].map((name) => pty.state(name)));
    return flags.join(' ');
  };
  for (const signal of ['TERM', 'HUP', 'INT', 'QUIT'] as const) {
    await t.test(`gives the local one back as it was when SIG${signal} ends it`, async (t) => {
      await pty.enter(`clear; dockbox connect box --terminal ${signal}; echo status $?`);
      await pty.shows(PROMPT);
      await pty.enter(LITTER);
      await pty.shows(/littered/);
      process.kill(await pty.program(), `SIG${signal}`);
      await pty.shows(/^status \d+\n+local\$/m);
      t.equal(await clean(), '0 0 0 0 1 1 0');
      t.equal(await settings('after'), before);
    });
  }

  await t.test('gives the local one back as it was when a fault of its own ends it', async (t) => {
    const fault = path.join(cli.directory, 'fault.mjs');
    await writeFile(fault, "process.on('SIGUSR2', () => { throw new Error('fault'); });");
    const options = `NODE_OPTIONS=--import=${fault}`;
    await pty.enter(`clear; ${options} dockbox connect box --terminal fault; echo status $?`);
    await pty.shows(PROMPT);
    await pty.enter(LITTER);
    await pty.shows(/littered/);
    process.kill(await pty.program(), 'SIGUSR2');
    await pty.shows(/^dockbox: fault\nstatus 1\n+local\$/m);
    t.equal(await clean(), '0 0 0 0 1 1 0');
    t.equal(await settings('after'), before);
  });

  await t.test('is given back with the status of the shell', async (t) => {
    await pty.enter('clear; dockbox connect box --terminal brief; echo status $?');
    await pty.shows(PROMPT);
    await pty.enter('exit 42');
    await pty.shows(/^status 42\nlocal\$/m);
    t.equal(await settings('after'), before);
  });

  await t.test('is given back when the box is stopped', async (t) => {
    await pty.enter('clear; dockbox connect box; echo status $?');
    await pty.shows(PROMPT);
    await call(app, 'POST', '/v1/dockbox/box/stop');
    const screen = await pty.shows(/^status 1\nlocal\$/m);
    t.match(screen, /The dockbox was stopped: connect again to start it/);
    t.equal(await settings('after'), before);
  });

  await t.test('can be watched', async (t) => {
    const typist = await openScreen(t, app, 'box');
    await pty.enter('clear; dockbox connect box --readonly; echo status $?');
    await typist.shows(/[$#]/);
    typist.type('clear; echo wat""ched\r');
    await pty.shows(/^watched\b/m);
    await pty.enter('echo for""bidden');
    typist.type('echo la""ter\r');
    t.notMatch(await pty.shows(/^later\b/m), /forbidden/);
    await pty.tmux('send-keys', 'C-c');
    await pty.shows(/^status 0\nlocal\$/m);
  });

  await t.test('asks for a key without showing it', async (t) => {
    const closed = await startApp(t, { AUTH: 'token' });
    await pty.enter(`clear; dockbox login ${closed.base}`);
    await pty.shows(/API key for http:\/\/\S+:/);
    await pty.enter('dbx_secret');
    const screen = await pty.shows(/Run "dockbox login"/);
    t.notMatch(screen, /dbx_secret/);
    t.equal(await settings('after'), before);
  });
});

t.test('a connection that is lost is made again', async (t) => {
  const deployment = await makeDeployment(t);
  const first = await startServer(t, deployment);
  const PORT = new URL(first.base).port;
  const cli = await makeCli(t, first.base);
  const id = await createBox(t, first);
  const pty = await openPty(t, cli.env);
  await pty.enter('dockbox connect box; echo status $?');
  await pty.shows(PROMPT);
  await pty.enter('remembered=yes; clear; echo se""t');
  await pty.shows(/^set$/m);

  await first.end('SIGKILL');
  await pty.shows(/The connection was lost\. Connecting again … Enter tries at once, ~\. leaves/);
  await pty.enter('echo got-$remembered');
  const second = await startServer(t, deployment, { PORT });
  await pty.enter('');
  const screen = await pty.shows(/^got-yes$/m);
  t.match(screen, /^set$/m, 'the screen is drawn anew');
  t.notMatch(screen, /Connecting again/);

  await second.end('SIGKILL');
  await pty.shows(/Connecting again/);
  await pty.enter('');
  await pty.type('~.');
  await pty.shows(/^status 0\nlocal\$/m);
  const last = await startServer(t, deployment);
  await call(last, 'DELETE', `/v1/dockbox/${id}`);
});

t.test('a person sees colours, unless they want none, and that work is being done', async (t) => {
  const app = await startApp(t);
  const cli = await makeCli(t, app.base);
  const gate = new Gate();
  const source = await startHttpServer(
    t,
    serve({ '/a.tar.gz': (_request, response) => gate.passed.then(() => response.end(archive)) }),
  );
  const archive = tarGz([{ name: 'a', content: 'a' }]);
  const pty = await openPty(t, cli.env);
  await pty.enter(`dockbox new ${source.url}/a.tar.gz --name box --detach`);
  await pty.shows(/^[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] Making box$/m);
  gate.open();
  t.notMatch(await pty.shows(/^box$/m), /Making/);

  await pty.enter('clear; dockbox ls');
  await pty.shows(/^box +running/m);
  t.ok((await pty.tmux('capture-pane', '-p', '-e')).includes('\x1b[32mrunning'));
  await pty.enter('clear; NO_COLOR=1 dockbox ls; echo pl""ain');
  await pty.shows(/^box +running[^\n]*\nplain$/m);
  t.notOk((await pty.tmux('capture-pane', '-p', '-e')).includes('\x1b['));
});
