import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '..');

/** Installs the dependencies and compiles, each only when something changed since. Needs nothing but Node. */
export function prepareBuild() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new Error(`dockbox needs Node 20.19 or newer; this is ${process.version}.`);
  }
  const lock = hash(['package.json', 'package-lock.json']);
  step('node_modules/.dockbox-stamp', lock, 'Installing dependencies', () =>
    // Warnings are about packages of others: nothing that who starts the service can act on.
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']),
  );
  step('build/.stamp', hash(sources()), 'Compiling', () => {
    rmSync(path.join(root, 'build'), { recursive: true, force: true });
    run('npm', ['run', '--silent', 'build']);
  });
}

/** Compiles, sets up what `npm start` does, and installs the programs that tests and benchmarks use beside it. */
export async function prepareTests() {
  prepareBuild();
  const { prepare } = await import('../build/setup/index.js');
  await prepare();
  const { ensureTestTools } = await import('../build/setup/test-tools.js');
  await ensureTestTools();
}

function step(stampFile, stamp, title, work) {
  const file = path.join(root, stampFile);
  if (existsSync(file) && readFileSync(file, 'utf8') === stamp) return;
  console.log(`${title} …`);
  const startedAt = performance.now();
  work();
  console.log(`  done in ${Math.ceil((performance.now() - startedAt) / 1000)} s`);
  writeFileSync(file, stamp);
}

function sources() {
  const packages = readdirSync(path.join(root, 'packages')).map((name) => `packages/${name}/src`);
  const own = ['lib', 'plugins', 'routes', 'setup', 'web', 'test', 'bench', 'chaos', 'roll'];
  const directories = [...own, ...packages].filter((name) => existsSync(path.join(root, name)));
  const files = directories.flatMap((name) =>
    readdirSync(path.join(root, name), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(root, path.join(entry.parentPath ?? entry.path, entry.name))),
  );
  const top = readdirSync(root).filter((name) => name.endsWith('.ts'));
  return ['package-lock.json', 'tsconfig.json', ...top.sort(), ...files.sort()];
}

function hash(files) {
  const digest = createHash('sha256');
  for (const file of files) digest.update(`${file}\0`).update(readFileSync(path.join(root, file)));
  return digest.digest('hex');
}

/** Runs a command. Its output is shown only when it fails. */
function run(command, args) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 64 * 1024 ** 2,
  });
  if (!error && status === 0) return;
  throw new Error(
    `${stdout ?? ''}${stderr ?? ''}\n"${command} ${args.join(' ')}" failed${error ? `: ${error.message}` : ''}.`,
  );
}
