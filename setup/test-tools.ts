import { install, isInstalled, mayInstall } from './run.js';

/** Programs that tests and benchmarks use beside the service's own, and the Debian packages that have them. */
const PACKAGES: Record<string, string> = {
  curl: 'curl',
  git: 'git',
  haproxy: 'haproxy',
  'mkfs.btrfs': 'btrfs-progs',
  ip: 'iproute2',
  openssl: 'openssl',
  tmux: 'tmux',
  unshare: 'util-linux',
};

/**
 * Sees to it that the programs are there.
 * @throws with what to install, when we may not
 */
export async function ensureTestTools(): Promise<void> {
  const missing: string[] = [];
  for (const [program, name] of Object.entries(PACKAGES)) {
    if (!(await isInstalled(program))) missing.push(name);
  }
  if (missing.length === 0) return;
  if (!(await mayInstall())) throw new Error(`The tests need these packages: install ${missing.join(', ')}.`);
  await install(...missing);
}
