import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** What is kept of a command's output, in characters: its end says why it failed. */
const KEPT_OUTPUT = 32 * 1024;

/** Says what is being done, for what takes a while, and how long it took. */
export async function step<Result>(title: string, work: () => Promise<Result>): Promise<Result> {
  console.log(`${title} …`);
  const startedAt = performance.now();
  const result = await work();
  console.log(`  done in ${Math.ceil((performance.now() - startedAt) / 1000)} s`);
  return result;
}

/** The end of what a command prints, for whom it concerns when the command fails. */
export function keepOutput(...streams: NodeJS.ReadableStream[]): () => string {
  let output = '';
  for (const stream of streams) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-KEPT_OUTPUT);
    });
  }
  return () => output.trim();
}

/**
 * Runs a command. Its output is shown only when it fails.
 * @throws when it can't be run or ends with another status than 0, with its output in the message
 */
export async function run(
  command: string,
  args: string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  const output = keepOutput(child.stdout, child.stderr);
  const [code] = await once(child, 'close');
  if (code !== 0) {
    throw new Error(`${output()}\n\n"${command} ${args.join(' ')}" failed (status ${code}).`);
  }
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
  await step(`Installing ${packages.join(', ')}`, async () => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await run('apt-get', ['-qq', 'update'], env);
    const options = ['-y', '-qq', '-o=Dpkg::Use-Pty=0', '--no-install-recommends'];
    await run('apt-get', ['install', ...options, ...packages], env);
  });
}
