import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import t, { type Test } from 'tap';
import { readConfig } from '../../lib/config.js';
import { projectRoot } from '../../lib/paths.js';
import { runProgram } from '../helpers/process.js';
import { SERVICE } from '../helpers/service.js';

const REQUIRED = [
  'ENVIRONMENT',
  'PORT',
  'DOCKER_SERVER_HOST',
  'DATABASE_NAME',
  'DATABASE_HOST',
  'DATABASE_PORT',
  'DATABASE_USER',
  'DATABASE_PASSWORD',
  'MOUNT_POINT',
];

/** The lines of the message that configuring with `env` fails with, but for its title. */
function problems(env: NodeJS.ProcessEnv): string[] {
  try {
    readConfig(env);
    return [];
  } catch (error) {
    return (error as Error).message.split('\n').slice(1);
  }
}

t.test('the committed .env is a configuration for development', (t) => {
  t.match(readConfig({}), {
    ENVIRONMENT: 'development',
    DATABASE_HOST: 'embedded',
    IDLE_TIMEOUT_SECONDS: 60,
  });
  t.end();
});

t.test('variables of the environment win over .env', (t) => {
  const config = readConfig({ PORT: '4321', DATABASE_HOST: 'db.example', TRUST_PROXY: '1' });
  t.match(config, { PORT: 4321, DATABASE_HOST: 'db.example', TRUST_PROXY: '1', DATABASE_NAME: 'dockbox' });
  t.end();
});

t.test('every variable that is missing is named', (t) => {
  const nothing = Object.fromEntries(REQUIRED.map((name) => [name, undefined]));
  t.strictSame(
    problems(nothing),
    REQUIRED.map((name) => `  - ${name} is missing`),
  );
  t.end();
});

t.test('networks are given in CIDR notation, or as addresses', (t) => {
  t.strictSame(problems({ BOX_EGRESS_ALLOW: '10.0.0.0/8, fd00::/8,10.1.2.3' }), []);
  t.strictSame(problems({ BOX_EGRESS_ALLOW: 'mirror', BOX_EGRESS_DENY: '10.0.0.0/33' }), [
    '  - BOX_EGRESS_ALLOW: "mirror" is neither an address nor a network',
    '  - BOX_EGRESS_DENY: "10.0.0.0/33" is neither an address nor a network',
  ]);
  for (const proxies of ['1', '10.0.0.0/8,fd00::1', 'true'])
    t.strictSame(problems({ TRUST_PROXY: proxies }), []);
  t.strictSame(problems({ TRUST_PROXY: 'maybe' }), [
    '  - TRUST_PROXY: "maybe" is neither an address nor a network',
  ]);
  t.end();
});

t.test('every variable that is wrong is named, with those that are missing', (t) => {
  const found = problems({
    ENVIRONMENT: 'staging',
    PORT: '80000',
    DATABASE_PORT: '',
    DATABASE_SSL: 'yes',
    MOUNT_POINT: '',
    TRUST_PROXY: '',
    BOX_CPUS: '0',
    DATABASE_NAME: undefined,
  });
  t.match(found.sort(), [
    /BOX_CPUS must be > 0/,
    /DATABASE_NAME is missing/,
    /DATABASE_PORT must be integer/,
    /DATABASE_SSL .*disable, require, verify/,
    /ENVIRONMENT .*development, test, production/,
    /MOUNT_POINT must NOT have fewer than 1 characters/,
    /PORT must be <= 65535/,
    /TRUST_PROXY must NOT have fewer than 1 characters/,
  ]);
  t.equal(found.length, 8);
  t.end();
});

t.test('every file that is named and can not be read is told', (t) => {
  const directory = t.testdir({ 'ca.pem': '' });
  t.strictSame(problems({ DATABASE_CA_FILE: '/nowhere/ca.pem', DOCKER_CERT_PATH: directory }), [
    "  - DATABASE_CA_FILE: /nowhere/ca.pem can't be read (ENOENT)",
    `  - DOCKER_CERT_PATH: ${directory}/cert.pem can't be read (ENOENT)`,
    `  - DOCKER_CERT_PATH: ${directory}/key.pem can't be read (ENOENT)`,
  ]);
  t.end();
});

t.test('a service tells what is wrong and exits with 1', async (t) => {
  const program = runProgram(t, SERVICE, {
    ...process.env,
    PORT: 'http',
    LOG_LEVEL: 'loud',
  });
  t.equal(await program.ended, 1);
  t.match(program.output, /configuration is wrong.*\n {2}- PORT must be integer\n {2}- LOG_LEVEL must be/);
  t.notMatch(program.output, /\n\s+at /, 'no stack trace');
});

t.test('a service without .env tells all that it misses and exits with 1', async (t) => {
  const installed = await install(t);
  const script = `const { start } = await import(${JSON.stringify(`${installed}/build/server.js`)}); await start();`;
  const program = runProgram(t, [process.execPath, '--input-type=module', '-e', script], {
    PATH: process.env.PATH,
    PORT: '0',
  });
  t.equal(await program.ended, 1);
  for (const name of REQUIRED.filter((name) => name !== 'PORT')) {
    t.match(program.output, `  - ${name} is missing`);
  }
  t.notMatch(program.output, '- PORT is missing', 'which it was given');
});

/** The compiled service in a directory of its own, without the development's .env. */
async function install(t: Test): Promise<string> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'dockbox-installed-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const parts = ['server.js', 'app.js', 'lib', 'plugins', 'routes'];
  for (const part of parts) {
    await cp(path.join(projectRoot, 'build', part), path.join(directory, 'build', part), { recursive: true });
  }
  await cp(path.join(projectRoot, 'package.json'), path.join(directory, 'package.json'));
  await symlink(path.join(projectRoot, 'node_modules'), path.join(directory, 'node_modules'));
  await symlink(path.join(projectRoot, 'images'), path.join(directory, 'images'));
  return directory;
}

t.test('variables that would let in whom nobody knows are told', (t) => {
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) {
    t.strictSame(problems({ AUTH: 'none', HOST: host }), [], host);
  }
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.evil.example', 'box.example', '']) {
    t.match(problems({ AUTH: 'none', HOST: host }), [/AUTH=none lets everybody in/], host);
  }
  t.match(problems({ AUTH: 'jwt' }), [/AUTH=jwt needs JWT_ISSUER with JWT_AUDIENCE, or JWT_ALB_ARN/]);
  t.match(problems({ AUTH: 'jwt', JWT_ISSUER: 'https://issuer.example' }), [/JWT_ISSUER needs JWT_AUDIENCE/]);
  const plain = { AUTH: 'jwt', JWT_ISSUER: 'http://issuer.example', JWT_AUDIENCE: 'dockbox' };
  t.match(problems(plain), [/JWT_ISSUER must be an https URL/]);
  t.match(problems({ AUTH: 'jwt', JWT_ALB_ARN: 'ours' }), [/JWT_ALB_ARN is not the ARN of a load balancer/]);
  t.end();
});
