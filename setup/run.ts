import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Runs a command with its output shown.
 * @throws when it can't be run or ends with another status than 0
 */
export async function run(
  command: string,
  args: string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], env });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`"${command} ${args.join(' ')}" failed (status ${code}).`);
}

/** Whether the command is on the PATH. */
export async function isInstalled(command: string): Promise<boolean> {
  const child = spawn('sh', ['-c', 'command -v "$1" >/dev/null', 'sh', command]);
  const [code] = await once(child, 'exit');
  return code === 0;
}

/** Whether this is a Debian, or one of its kind, that we may install on. */
export async function mayInstall(): Promise<boolean> {
  return process.platform === 'linux' && process.getuid?.() === 0 && (await isInstalled('apt-get'));
}

/** Installs Debian packages. */
export async function install(...packages: string[]): Promise<void> {
  console.log(`Installing ${packages.join(', ')} …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['-qq', 'update'], env);
  const options = ['-y', '-qq', '-o=Dpkg::Use-Pty=0', '--no-install-recommends'];
  await run('apt-get', ['install', ...options, ...packages], env);
}
