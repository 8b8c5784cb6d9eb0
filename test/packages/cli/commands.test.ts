import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { startApp } from '../../helpers/app.js';
import { tarGz } from '../../helpers/archives.js';
import { createBox, createBoxOf } from '../../helpers/box.js';
import { makeCli } from '../../helpers/cli.js';
import { call } from '../../helpers/client.js';
import { makeKey } from '../../helpers/credentials.js';
import { onlyFor, serve, startHttpServer } from '../../helpers/http-server.js';

t.test('help and version need no service', async (t) => {
  const cli = await makeCli(t, 'http://127.0.0.1:1');
  for (const args of [['--help'], ['-h'], ['help']]) {
    const { status, stdout, stderr } = await cli.run(args);
    t.equal(status, 0);
    t.match(stdout, /^Usage: dockbox COMMAND/);
    t.equal(stderr, '');
  }
  for (const command of ['new', 'connect', 'ls', 'stop', 'rm', 'share', 'login', 'completion']) {
    const { status, stdout } = await cli.run([command, '--help']);
    t.equal(status, 0);
    t.match(stdout, new RegExp(`^Usage: dockbox ${command} `));
    t.equal((await cli.run(['help', command])).stdout, stdout);
  }
  t.match(await cli.run(['--version']), { status: 0, stdout: /^\d+\.\d+\.\d+\n$/ });
});

t.test('a command line that makes no sense ends with 2, and a line that says why', async (t) => {
  const cli = await makeCli(t);
  const cases: [args: string[], message: RegExp][] = [
    [[], /no command\. Try "dockbox --help"/],
    [['nonsense'], /no command "nonsense"/],
    [['constructor'], /no command "constructor"/],
    [['new'], /"dockbox new" needs URL/],
    [['rm'], /needs BOX/],
    [['connect', 'a', 'b'], /no use for "b"/],
    [['ls', '--nonsense'], /Unknown option '--nonsense'/],
    [['ls', '--limit'], /--limit/],
    [['ls', '--limit', 'many'], /"many" is no number/],
    [['share', 'a', '--expires-in', 'soon'], /"soon" is no time/],
    [['completion', 'tcsh'], /no completion for "tcsh"/],
    [['connect', 'a', '--terminal', 'main'], /runs in a shell of its own/],
  ];
  for (const [args, message] of cases) {
    const { status, stdout, stderr } = await cli.run(args);
    t.match({ status, stdout, stderr }, { status: 2, stdout: '', stderr: message }, args.join(' '));
    t.match(stderr, /^dockbox: [^\n]+\n$/);
  }
});

t.test('what goes wrong ends with 1, and a line that says what to do', async (t) => {
  const app = await startApp(t, { AUTH: 'token' });
  const cli = await makeCli(t, app.base);
  const DOCKBOX_TOKEN = (await makeKey(app)).key;
  const cases: [args: string[], env: Record<string, string>, message: RegExp][] = [
    [['ls'], { DOCKBOX_URL: 'http://127.0.0.1:1' }, /Nothing answers at http:\/\/127.0.0.1:1: is a dockbox/],
    [['ls'], { DOCKBOX_URL: 'nonsense' }, /"nonsense" is no address of a service/],
    [['ls', '--url', 'ftp://127.0.0.1'], {}, /"ftp:\/\/127.0.0.1" is no address/],
    [['ls'], {}, /Who are you\? Run "dockbox login"/],
    [['ls'], { DOCKBOX_TOKEN: `dbx_${'a'.repeat(43)}` }, /Run "dockbox login"/],
    [['ls'], { DOCKBOX_TOKEN: 'dbx_\n\x07' }, /characters that none has/],
    [['connect', 'nowhere'], {}, /Who are you\? Run "dockbox login"/],
    [['connect', 'nowhere'], { DOCKBOX_TOKEN }, /There is no dockbox "nowhere"/],
    [['rm', 'nowhere'], { DOCKBOX_TOKEN }, /There is no dockbox "nowhere"/],
    [['new', 'nonsense'], { DOCKBOX_TOKEN }, /nonsense|URL|address/],
    [
      ['new', 'http://127.0.0.1:1/a.tar.gz'],
      { DOCKBOX_TOKEN },
      /could not be made: .*(refused|reached|connect)/i,
    ],
  ];
  for (const [args, env, message] of cases) {
    const { status, stderr } = await cli.run(args, { env });
    t.match({ status, stderr }, { status: 1, stderr: message }, `${args.join(' ')} ${JSON.stringify(env)}`);
    t.match(stderr, /^dockbox: [^\n]+\n$/);
  }
  t.same(await app.deployment.rows(), [], 'a box that could not be made is not left');
});

t.test('boxes are made, listed, stopped and deleted', async (t) => {
  const app = await startApp(t);
  const cli = await makeCli(t, app.base);
  const server = await startHttpServer(t, serve({ '/a.tar.gz': tarGz([{ name: 'a/b/c', content: 'c\n' }]) }));
  const url = `${server.url}/a.tar.gz`;

  const made = await cli.run(['new', url, '--name', 'one', '--directory', 'b', '--json']);
  t.equal(made.status, 0);
  t.equal(made.stderr, '', 'no spinner where nobody sees it');
  t.match(JSON.parse(made.stdout), { name: 'one', url, directory: 'b', status: 'ready', running: true });
  t.same(await cli.run(['new', url, '--name', 'two', '-d']), { status: 0, stdout: 'two\n', stderr: '' });

  const listed = await cli.run(['ls', '--json']);
  t.same(
    JSON.parse(listed.stdout).map(({ name }: { name: string }) => name),
    ['two', 'one'],
  );
  t.same((await cli.run(['ls', '-q'])).stdout, 'two\none\n');
  const [head = '', row = ''] = (await cli.run(['ls'], { env: { NO_COLOR: '' } })).stdout.split('\n');
  t.match(head, /^NAME +STATE +CLIENTS +MADE +SOURCE$/, 'no colours in a pipe');
  t.match(row, new RegExp(`^two +running +0 +\\d+ seconds? ago +${url}$`));
  const few = await cli.run(['ls', '-q', '-n', '1']);
  t.match(few, { status: 0, stdout: 'two\n', stderr: /There are more/ });

  t.same(await cli.run(['stop', 'one']), { status: 0, stdout: 'one\n', stderr: '' });
  t.match((await cli.run(['ls'])).stdout, /^one +stopped/m);
  t.match(await cli.run(['rm', 'one', 'nowhere', 'two']), {
    status: 1,
    stdout: 'one\ntwo\n',
    stderr: 'dockbox: There is no dockbox "nowhere".\n',
  });
  t.same(await app.deployment.rows(), []);
});

t.test('a private source is read with a token, which is no argument', async (t) => {
  const app = await startApp(t);
  const cli = await makeCli(t, app.base);
  const archive = tarGz([{ name: 'a/b', content: 'b\n' }]);
  const server = await startHttpServer(t, serve({ '/a.tar.gz': onlyFor('Bearer may-read', archive) }));
  const args = ['new', `${server.url}/a.tar.gz`, '--name', 'private'];
  t.match(await cli.run(args), { status: 1, stderr: /needs authentication.*pass "credentials"/ });
  const without = { status: 1, stdout: '', stderr: /needs a token.*: set DOCKBOX_SOURCE_TOKEN/ };
  t.match(await cli.run([...args, '--credentials']), without, 'what is piped in is for the box');
  const env = { DOCKBOX_SOURCE_TOKEN: 'may-read' };
  t.match(await cli.run([...args, '--credentials', '-d'], { env }), { status: 0, stdout: 'private\n' });
});

t.test('login keeps the address and the key, for nobody else to read', async (t) => {
  const app = await startApp(t, { AUTH: 'token' });
  const cli = await makeCli(t);
  const { key } = await makeKey(app);
  const file = path.join(cli.directory, 'dockbox', 'config.json');

  t.match(await cli.run(['login', app.base], { input: 'dbx_wrong\n' }), { status: 1, stderr: /login/ });
  t.match(await cli.run(['login', app.base], { input: '' }), { status: 1, stderr: /No API key was given/ });
  await t.rejects(stat(file), 'nothing is kept of a key that is not good');

  t.match(await cli.run(['login', app.base], { input: `${key}\n` }), {
    status: 0,
    stdout: `You are in at ${app.base}, as ana.\n`,
  });
  t.equal((await stat(file)).mode & 0o777, 0o600);
  t.equal((await stat(path.dirname(file))).mode & 0o777, 0o700);
  t.same(JSON.parse(await readFile(file, 'utf8')), { url: app.base, tokens: { [app.base]: key } });
  t.match(await cli.run(['ls']), { status: 0 });

  const other = await startHttpServer(t, (request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({ items: [], nextCursor: null, authorization: request.headers.authorization }),
    );
    heard.push(request.headers.authorization);
  });
  const heard: (string | undefined)[] = [];
  await cli.run(['ls', '--url', other.url]);
  t.same(heard, [undefined], 'a key goes to the service that it is for alone');

  await writeFile(file, '{');
  t.match(await cli.run(['ls']), { status: 1, stderr: /config.json is no JSON: mend it, or remove it/ });
});

t.test('login to a service that asks nobody keeps the address', async (t) => {
  const app = await startApp(t);
  const cli = await makeCli(t);
  t.match(await cli.run(['login', `${app.base}/`]), { status: 0, stdout: /asks nobody who they are/ });
  t.match(await cli.run(['ls']), { status: 0, stdout: /^NAME/ });
  await mkdir(path.join(cli.directory, 'elsewhere'));
  const env = { XDG_CONFIG_HOME: 'relative', HOME: path.join(cli.directory, 'elsewhere') };
  await cli.run(['login', app.base], { env });
  const file = path.join(env.HOME, '.config', 'dockbox', 'config.json');
  t.match(
    JSON.parse(await readFile(file, 'utf8')),
    { url: app.base },
    'a relative XDG_CONFIG_HOME is ignored',
  );
});

t.test('share prints a link that lets others in', async (t) => {
  const app = await startApp(t);
  const cli = await makeCli(t, app.base);
  const id = await createBox(t, app);
  const { status, stdout } = await cli.run(['share', 'box', '--readonly', '--expires-in', '2h']);
  t.equal(status, 0);
  t.match(stdout, /^http:\/\/\S+\/#\/box\?ticket=dbt_\S+&readonly\n$/);
  const shares = await call(app, 'GET', `/v1/dockbox/${id}/shares`);
  t.match(shares.body.items, [{ readonly: true }]);
  const [{ createdAt, expiresAt }] = shares.body.items;
  t.equal(Date.parse(expiresAt) - Date.parse(createdAt), 2 * 3600 * 1000);
  const json = await cli.run(['share', 'box', '--terminal', 'main', '--json']);
  t.match(JSON.parse(json.stdout), { terminal: 'main', readonly: false, ticket: /^dbt_/ });
});

t.test('a shared link leads into its box, whoever one is', async (t) => {
  const app = await startApp(t, { AUTH: 'token' });
  const { key } = await makeKey(app);
  await createBoxOf(t, app, key);
  const owner = await makeCli(t, app.base, { DOCKBOX_TOKEN: key });
  const link = (await owner.run(['share', 'box'])).stdout.trim();

  const guest = await makeCli(t);
  const { status, stdout } = await guest.run(['connect', link], { input: 'echo hello; exit 3\n' });
  t.match({ status, stdout }, { status: 3, stdout: 'hello\n' });
});

t.test('a key in the environment is sent to its own service alone, wherever a link leads', async (t) => {
  const seen: (string | undefined)[] = [];
  const stranger = await startHttpServer(t, ({ headers }, response) => {
    seen.push(headers.authorization, headers['sec-websocket-protocol']);
    response.writeHead(401).end();
  });
  const cli = await makeCli(t, 'http://127.0.0.1:1', { DOCKBOX_TOKEN: 'dbx_secret' });
  const { status } = await cli.run(['connect', `${stranger.url}/#/box`], { input: 'true\n' });
  t.equal(status, 1);
  t.ok(seen.length > 0, 'it was asked');
  t.notMatch(JSON.stringify(seen), /authorization|bearer|secret/i);
});
