import { existsSync } from 'node:fs';
import path from 'node:path';
import { install, isInstalled, mayInstall } from './run.js';

/** Programs that tests and benchmarks use beside the service's own, and the Debian packages that have them. */
const PACKAGES: Record<string, string> = {
  curl: 'curl',
  git: 'git',
  haproxy: 'haproxy',
  'mkfs.btrfs': 'btrfs-progs',
  ip: 'iproute2',
  java: 'default-jre-headless',
  openssl: 'openssl',
  shellcheck: 'shellcheck',
  tmux: 'tmux',
  unshare: 'util-linux',
};

/** What a client in Python needs that is generated of the document, and the packages that have it. */
const PYTHON_MODULES: Record<string, string> = {
  certifi: 'python3-certifi',
  dateutil: 'python3-dateutil',
  six: 'python3-six',
  urllib3: 'python3-urllib3',
};
const MODULES_DIRECTORY = '/usr/lib/python3/dist-packages';

/**
 * Sees to it that the programs are there.
 * @throws with what to install, when we may not
 */
export async function ensureTestTools(): Promise<void> {
  const missing: string[] = [];
  for (const [program, name] of Object.entries(PACKAGES)) {
    if (!(await isInstalled(program))) missing.push(name);
  }
  for (const [name, packageName] of Object.entries(PYTHON_MODULES)) {
    const module = path.join(MODULES_DIRECTORY, name);
    if (!existsSync(module) && !existsSync(`${module}.py`)) missing.push(packageName);
  }
  if (missing.length === 0) return;
  if (!(await mayInstall())) throw new Error(`The tests need these packages: install ${missing.join(', ')}.`);
  await install(...missing);
}
