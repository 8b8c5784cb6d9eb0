import { execFile } from 'node:child_process';
import { access, mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { projectRoot } from '../../lib/paths.js';

const run = promisify(execFile);

/** Where peers are kept from one run to the next; what is compiled goes there, too, and nothing of it is the project's. */
const directory = path.join(projectRoot, 'build', 'peers');

/** Installs wetty from npm, which compiles a native module. @returns the directory that it is in */
export async function installWetty(): Promise<string> {
  const prefix = path.join(directory, 'wetty');
  await once(path.join(prefix, 'node_modules', 'wetty'), () =>
    run('npm', ['install', '--prefix', prefix, '--no-audit', '--no-fund', '--no-package-lock', 'wetty@3']),
  );
  return prefix;
}

/** Unpacks Debian's shellinabox, without installing it: its package starts a service. @returns the program */
export async function installShellinabox(): Promise<string> {
  const root = path.join(directory, 'shellinabox');
  const program = path.join(root, 'usr', 'bin', 'shellinaboxd');
  await once(program, async () => {
    await run('apt-get', ['download', 'shellinabox'], { cwd: root });
    const file = (await readdir(root)).find((name) => name.endsWith('.deb')) ?? '';
    await run('dpkg', ['-x', path.join(root, file), root]);
  });
  return program;
}

async function once(made: string, make: () => Promise<unknown>): Promise<void> {
  const isMade = await access(made).then(
    () => true,
    () => false,
  );
  if (isMade) return;
  await mkdir(path.join(directory, path.relative(directory, made).split(path.sep)[0] ?? ''), {
    recursive: true,
  });
  await make();
}
