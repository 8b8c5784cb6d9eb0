import path from 'node:path';
import t, { type Test } from 'tap';
import { projectRoot } from '../lib/paths.js';
import { main } from '../setup/key.js';
import { call } from './helpers/client.js';
import { callAs } from './helpers/credentials.js';
import { runProgram } from './helpers/process.js';
import { type Home, launchService, makeHome, runService } from './helpers/service.js';

const token = { AUTH: 'token' };
const SHOWN = /DOCKBOX_TOKEN=(dbx_[\w-]{43})\n/;

/** Runs `npm run key`, but for the compilation. @returns what it printed, and its exit status */
async function key(t: Test, home: Home, ...args: string[]) {
  const script = `const { main } = await import(${JSON.stringify(path.join(projectRoot, 'build/setup/key.js'))});
    process.exitCode = await main(process.argv.slice(1));`;
  const program = runProgram(t, [process.execPath, '--input-type=module', '-e', script, '--', ...args], {
    ...process.env,
    DATABASE_HOST: 'embedded',
    DATABASE_PORT: '0',
    MOUNT_POINT: home.directory,
  });
  const status = await program.ended;
  return { status, output: program.output };
}

t.test('the first start shows an admin’s key, once, and where to open it', async (t) => {
  const home = await makeHome(t);
  const { program, base } = await runService(t, home, token);
  const [, first = ''] = await program.prints(SHOWN);
  const [, address] = await program.prints(/or open {2}(\S+)/);
  t.equal(address, `${base}/#key=${first}`);
  t.match((await callAs({ base }, first, 'GET', '/v1/session')).body, { owner: 'local', scope: 'admin' });
  await program.end('SIGTERM');

  const again = await runService(t, home, token);
  t.equal((await callAs(again, first, 'GET', '/v1/session')).status, 200);
  await again.program.end('SIGTERM');
  t.notMatch(again.program.output, /dbx_/);
});

t.test('of several replicas that start at once, one shows the key', async (t) => {
  const home = await makeHome(t);
  const replicas = await Promise.all([1, 2].map(() => runService(t, home, token)));
  for (const { program } of replicas) await program.end('SIGTERM');
  t.equal(replicas.filter(({ program }) => SHOWN.test(program.output)).length, 1);
});

t.test('keys are made, listed and revoked from the command line', async (t) => {
  const home = await makeHome(t);
  const made = await key(
    t,
    home,
    'create',
    'ci',
    '--owner',
    'ana',
    '--scope',
    'readonly',
    '--expires-in',
    '3600',
  );
  t.match(made, { status: 0, output: /^dbx_[\w-]{43}\n$/ }, 'without a server');
  t.equal(await home.postmaster(), undefined, 'which leaves no database behind');

  const { program, base } = await runService(t, home, token);
  const ana = made.output.trim();
  t.match((await callAs({ base }, ana, 'GET', '/v1/session')).body, { owner: 'ana', scope: 'readonly' });
  const { output } = await key(t, home, 'list');
  t.match(
    output,
    /^[\w-]{36} {2}readonly {2}ana {2}ci {2}last used \S+ {2}expires \S+\n$/,
    'beside a server',
  );
  t.match(await key(t, home, 'revoke', output.slice(0, 36)), { status: 0, output: '' });
  t.equal((await callAs({ base }, ana, 'GET', '/v1/session')).body.code, 'DBX_CREDENTIAL_REVOKED');
  t.equal((await call({ base }, 'GET', '/health')).status, 200);
  await program.end('SIGTERM');
  t.notMatch(program.output, SHOWN, 'there was a key already');
});

t.test('a command line that is wrong says how it is used', async (t) => {
  for (const args of [
    [],
    ['create'],
    ['create', 'a', 'b'],
    ['create', 'a\nb'],
    ['create', 'a', '--scope', 'root'],
    ['create', 'a', '--expires-in', '0'],
    ['create', 'a', '--for', 'ever'],
    ['revoke'],
    ['list', 'all'],
  ]) {
    const said = t.capture(console, 'error', () => {});
    t.equal(await main(args), 2, args.join(' '));
    t.match(said.args().flat().at(-1), /^Usage: npm run -s key/);
    said.restore();
  }
});

t.test('without authentication, a service that others can reach does not start', async (t) => {
  const home = await makeHome(t);
  const program = launchService(t, home, { AUTH: 'none', HOST: '0.0.0.0' });
  t.equal(await program.ended, 1);
  t.match(
    program.output,
    /AUTH=none lets everybody in who reaches 0\.0\.0\.0: set HOST to 127\.0\.0\.1, or AUTH/,
  );
});
