import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { projectRoot } from '../lib/paths.js';
import { isInstalled, mayInstall, run, step } from './run.js';

const directory = path.join(projectRoot, 'node_modules', '.cache', 'docker-registry');

/** The program of Debian's package `docker-registry`: the registry that the tests pull from. */
export const REGISTRY_PROGRAM = path.join(directory, 'usr', 'bin', 'docker-registry');

/**
 * Sees to it that the tests have a container registry. It is unpacked rather than installed: the package would start a
 * service on port 5000.
 * @throws on a Debian machine where we are root and it can't be had; elsewhere the tests that need it are skipped
 */
export async function ensureRegistry(): Promise<void> {
  if (existsSync(REGISTRY_PROGRAM) || !(await mayInstall()) || !(await isInstalled('dpkg-deb'))) return;
  await step('Fetching a container registry for the tests', async () => {
    await mkdir(path.dirname(directory), { recursive: true });
    const fresh = await mkdtemp(`${directory}-`);
    const unpack =
      'cd "$1" && apt-get -qq update && apt-get -qq download docker-registry && dpkg-deb --extract docker-registry_*.deb .';
    try {
      await run('sh', ['-c', unpack, 'sh', fresh]);
      await rename(fresh, directory);
    } finally {
      await rm(fresh, { recursive: true, force: true });
    }
  });
}
