import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { ConfigSchema } from '../lib/config.js';
import { projectRoot } from '../lib/paths.js';
import { startApp } from './helpers/app.js';

const run = promisify(execFile);
const directory = path.join(projectRoot, 'deploy');
const read = (name: string) => readFile(path.join(directory, name), 'utf8');

/** The variables that a file sets for the server, as `NAME: value` or `NAME=value` at the beginning of a line. */
function variablesOf(text: string): Map<string, string> {
  const lines = text.matchAll(/^\s*([A-Z][A-Z_]+)(?:: |=)(.*)$/gm);
  return new Map([...lines].map(([, name = '', value = '']) => [name, value.replaceAll(/['"]/g, '')]));
}

/** The part of user data that becomes the server's environment. */
const environmentOf = (userData: string) => /<<ENV\n(.*?)^ENV$/ms.exec(userData)?.[1] ?? '';

/** Variables of other programs. */
const OTHERS = /^(POSTGRES|NODE|NPM|SERVER)_/;

t.test('the scripts are sound', async (t) => {
  const scripts = (await readdir(directory)).filter((name) => name.endsWith('.sh'));
  t.ok(scripts.length > 0);
  await run('shellcheck', scripts, { cwd: directory });
});

t.test('servers are configured with variables that there are', async (t) => {
  const known = new Set(Object.keys(ConfigSchema.properties));
  for (const [name, text] of [
    ['compose.yaml', await read('compose.yaml')],
    ['stack.yaml', await read('stack.yaml')],
    ['ec2-user-data.sh', environmentOf(await read('ec2-user-data.sh'))],
  ] as const) {
    const variables = [...variablesOf(text).keys()];
    t.ok(variables.includes('DATABASE_HOST'), `${name} configures a server`);
    t.same(
      variables.filter((variable) => !known.has(variable) && !OTHERS.test(variable)),
      [],
      name,
    );
  }
});

t.test('who ends a server waits until it has drained', async (t) => {
  /** What closing takes at the most, in seconds. */
  const CLOSING = 15;
  const stack = await read('stack.yaml');
  const userData = await read('ec2-user-data.sh');
  const unit = await read('dockbox.service');
  for (const [text, grace] of [
    [stack, /stop_grace_period: (\d+)s/.exec(stack)],
    [environmentOf(userData), /^TimeoutStopSec=(\d+)$/m.exec(unit)],
  ] as const) {
    const variables = variablesOf(text);
    const notice = Number(variables.get('DRAIN_NOTICE_SECONDS'));
    const drain = Number(variables.get('DRAIN_SECONDS'));
    t.ok(Number(grace?.[1]) >= notice + drain + CLOSING, `${grace?.[0]} for ${notice} s and ${drain} s`);
  }
});

t.test('a container is healthy once its server is ready, and then for as long as it lives', async (t) => {
  const app = await startApp(t);
  const check = (TMPDIR: string) => {
    const env = { ...process.env, PORT: new URL(app.base).port, TMPDIR };
    return run(process.execPath, [path.join(directory, 'healthcheck.mjs')], { env });
  };
  const old = t.testdir({ young: {} });
  const young = path.join(old, 'young');
  await check(old);
  void app.drain.begin();
  await check(old);
  await t.rejects(check(young), { code: 1 }, 'it has never been ready');
});

t.test('a stack has no option that "docker stack deploy" passes over', async (t) => {
  // UnsupportedProperties of https://github.com/docker/cli/blob/v28.2.2/cli/compose/types/types.go, and tmpfs, which it does not name.
  const passedOver =
    /^ {4}(build|cgroupns_mode|cgroup_parent|devices|domainname|external_links|ipc|links|mac_address|network_mode|pid|privileged|restart|security_opt|shm_size|tmpfs|userns_mode):/m;
  t.notMatch(await read('stack.yaml'), passedOver);
  t.match(await read('compose.yaml'), passedOver, 'which a compose file has');
});

t.test('certificates are good for the engines that were named, and for servers', async (t) => {
  const target = t.testdir();
  await run(path.join(directory, 'certificates.sh'), [target, 'engine.example', '127.0.0.1', 'fd00::1']);
  const verify = (whose: string, purpose: string) =>
    run('openssl', [
      'verify',
      '-purpose',
      purpose,
      '-CAfile',
      `${target}/ca.pem`,
      `${target}/${whose}/cert.pem`,
    ]);
  await verify('engine', 'sslserver');
  await verify('client', 'sslclient');
  await t.rejects(verify('client', 'sslserver'), 'a server can not pass for an engine');
  const { stdout } = await run('openssl', ['x509', '-in', `${target}/engine/cert.pem`, '-noout', '-text']);
  t.match(stdout, /DNS:engine\.example, IP Address:127\.0\.0\.1, IP Address:FD00:0:0:0:0:0:0:1/);

  const former = await readFile(`${target}/ca.pem`, 'utf8');
  await run(path.join(directory, 'certificates.sh'), [target, 'other.example']);
  t.equal(await readFile(`${target}/ca.pem`, 'utf8'), former, 'new ones are of the same authority');
  await verify('engine', 'sslserver');
});
