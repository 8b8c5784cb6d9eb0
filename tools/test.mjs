// The set-up of `npm start`, a throw-away database, then every test.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { prepareBuild, root } from './prepare.mjs';

prepareBuild();
const { prepare } = await import('../build/setup/index.js');
await prepare();
const { startEmbeddedPostgres } = await import('../build/lib/embedded-postgres.js');

const directory = await mkdtemp(path.join(tmpdir(), 'dockbox-test-'));
// PostgreSQL, which does not run as root, has to be able to enter it.
await chmod(directory, 0o755);
const credentials = { user: 'dockbox', password: 'dockbox', database: 'dockbox' };
let database;
process.once('SIGINT', () => {});
process.once('SIGTERM', () => {});
try {
  database = await startEmbeddedPostgres({
    directory: path.join(directory, 'postgres'),
    port: 0,
    ...credentials,
  });
  process.exitCode = await runTests();
} finally {
  await database?.stop();
  await rm(directory, { recursive: true, force: true });
}

async function runTests() {
  const files = process.argv
    .slice(2)
    .map((file) => file.replace(/\.ts$/, '.js').replace(/^test\//, 'build/test/'));
  const env = {
    ...process.env,
    ENVIRONMENT: 'test',
    PORT: '0',
    LOG_LEVEL: 'silent',
    DATABASE_HOST: database.host,
    DATABASE_PORT: String(database.port),
    DATABASE_NAME: credentials.database,
    DATABASE_USER: credentials.user,
    DATABASE_PASSWORD: credentials.password,
    MOUNT_POINT: path.join(directory, 'workspaces'),
  };
  // tap runs with the plugins that .taprc names only once it has been built with them.
  spawnSync('npx', ['tap', 'build'], { cwd: root, stdio: 'ignore' });
  const tap = spawn('npx', ['tap', '--reporter=tap', ...files], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let totals = '';
  for await (const line of createInterface({ input: tap.stdout })) {
    // Each level of subtests ends with such a line; the last is the whole run's.
    if (line.startsWith('# {')) totals = line;
    // What passed in a subtest is not worth a line of its own.
    if (!/^\s+(ok|#|\d+\.\.|$)/.test(line)) console.log(line);
  }
  const code = tap.exitCode ?? (await once(tap, 'exit'))[0];
  const count = (name) => Number(new RegExp(`${name}: (\\d+)`).exec(totals)?.[1] ?? 0);
  console.log(`${count('pass')} passed, ${count('fail')} failed`);
  return code === 0 && count('pass') > 0 ? 0 : 1;
}
