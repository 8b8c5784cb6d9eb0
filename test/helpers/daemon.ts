import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import Docker from 'dockerode';
import { connectDocker } from '../../lib/docker.js';
import { copyImage } from './images.js';
import type { Scope } from './scope.js';

export const BASE_IMAGE = process.env.BASE_IMAGE ?? 'dockbox/base';

/** Whether boxes run on a swarm: ENGINE=swarm npm test. */
export const ON_SWARM = process.env.ENGINE === 'swarm';

/** How long the daemon may take to answer once it was started, in ms, and how often it is asked. */
const START_TIMEOUT_MS = 30_000;
const POLL_MS = 50;

/**
 * The daemon's machine: namespaces of its own for networks, mounts, processes and its name, so that it shares neither
 * bridges nor iptables with any other daemon, and the kernel puts all of it away at once, running containers and mounts too, when
 * its first process ends. That happens when the input closes, so also when the tests are killed, and not when all others
 * are. It is a shell, which buries what is orphaned: a daemon takes a dead one's containerd for alive as long as it is a zombie. Files are this
 * machine's: workspaces are at the same path. `$1` the daemon's directory, `$2` its control group, which outlives it,
 * `$3` the machine's name, `$4` an option for another namespace.
 *
 * Nothing leads from these namespaces to a server on this machine's loopback: a box's source is an archive, which the
 * server itself feeds to the fetch.
 */
const MACHINE = `
unshare $4 --mount --propagation slave --pid --uts --fork --kill-child sh -c '
  mount -t tmpfs tmpfs /run && mount -t proc proc /proc && echo "$1" >/proc/sys/kernel/hostname &&
  ip link set lo up && echo up &&
  until cat >/dev/null; do :; done 2>/dev/null; :' machine "$3"
tries=50
while [ "$tries" -gt 0 ]; do
  find /sys/fs/cgroup -depth -type d -path "*/$2*" -exec rmdir {} + 2>/dev/null && break
  sleep 0.1
  tries=$((tries - 1))
done
rm -rf "$1"`;

/** A line for each process: its name, a tab, and its container's id if it is in one. */
const LIST = `
for process in /proc/[0-9]*; do
  name=$(cat "$process/comm") || continue
  printf '%s\\t%s\\n' "$name" "$(grep -om1 '[0-9a-f]\\{64\\}$' "$process/cgroup")"
done`;

/** A process on the daemon's machine, and the id of the container that it is in. */
export type Process = { name: string; container: string | undefined };

type StartOptions = {
  /** Whether containers outlive the daemon. */
  liveRestore?: boolean;
  /** OCI runtimes that it knows beside its own, by name: paths of programs. */
  runtimes?: Record<string, string>;
  /** What containers' root is on the machine: the first of so many ids. */
  remapTo?: number;
  /** `debug` logs every call. */
  logLevel?: 'warn' | 'debug';
  /** The addresses that it listens at besides its socket, such as `tcp://198.18.0.1:2375`. */
  hosts?: string[];
  /** Has them be mutual TLS: the directory with its `ca.pem`, `cert.pem` and `key.pem`. */
  certificates?: string | undefined;
  /** Whether no program in a container may gain privileges, whoever started it and however. */
  noNewPrivileges?: boolean;
  /** Whether it is all of a swarm, with what deploy/swarm.md says that a node needs. */
  swarm?: boolean;
};

/** A Docker daemon that can be taken away and comes back, without anybody else's noticing. */
export class Daemon {
  /** The path of its socket, for DOCKER_SERVER_HOST. */
  readonly socket: string;
  readonly docker: Docker;
  readonly directory: string;
  readonly #group: string;
  readonly #machine: ChildProcess;
  #process: ChildProcess | undefined;
  #options: StartOptions = {};

  constructor(directory: string, group: string, machine: ChildProcess) {
    this.directory = directory;
    this.#group = group;
    this.#machine = machine;
    this.socket = path.join(directory, 'docker.sock');
    this.docker = new Docker({ socketPath: this.socket });
  }

  /** Starts it and waits until it answers; options that are not given are those of the last time. */
  async start(options: StartOptions = {}): Promise<void> {
    this.#options = { ...this.#options, ...options };
    if (this.#options.swarm) await this.forgetNetworks();
    await this.#launch();
    const begins = this.#options.swarm && !(await this.docker.info()).Swarm.NodeID;
    if (begins) await this.docker.swarmInit({ ListenAddr: '127.0.0.1:2377', AdvertiseAddr: '127.0.0.1' });
  }

  async #launch(): Promise<void> {
    const log = openSync(path.join(this.directory, 'log'), 'a');
    const daemon = spawn('nsenter', this.#enter('dockerd', ...this.#arguments()), {
      // In a session of its own: Ctrl-C is for the tests, which then end it.
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#process = daemon;
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await this.answers())) {
      if (daemon.exitCode !== null || Date.now() > deadline) {
        const lines = (await this.log()).trim().split('\n');
        throw new Error(`The Docker daemon does not start: ${lines.slice(-5).join('\n')}`);
      }
      await delay(POLL_MS);
    }
  }

  /** Sends it a signal and waits for its end. SIGTERM stops its containers first, unless it is to restore them. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const daemon = this.#process;
    if (!daemon || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const exit = once(daemon, 'exit');
    // The process that entered the namespaces waits outside for the daemon.
    const pid = childOf(daemon);
    if (pid > 0) process.kill(pid, signal);
    await exit;
  }

  /** Ends it and all else that runs on its machine at once, containers too, as a loss of power does. */
  async crash(): Promise<void> {
    // The shell's own: all but it and the first.
    await this.run('sh', '-c', 'kill -KILL -1');
    await this.end('SIGKILL');
  }

  answers(): Promise<boolean> {
    return this.docker.ping().then(
      () => true,
      () => false,
    );
  }

  /** Sends SIGKILL to a process by the id that the daemon knows it by, such as a container's first one. */
  async kill(pid: number): Promise<void> {
    // To kill(2), 0 is the caller's own group: a container that has ended has that for a process id.
    if (pid <= 0) throw new Error('There is no such process.');
    await once(spawn('nsenter', this.#enter('kill', '-KILL', String(pid)), { stdio: 'ignore' }), 'exit');
  }

  /** The processes on its machine, containers' too. */
  async processes(): Promise<Process[]> {
    const lines = (await this.run('sh', '-c', LIST)).split('\n').filter((line) => line !== '');
    return lines.map((line) => {
      const [name = '', container] = line.split('\t');
      return { name, container: container || undefined };
    });
  }

  /** What it has logged so far. */
  log(): Promise<string> {
    return readFile(path.join(this.directory, 'log'), 'utf8');
  }

  /** Runs a command on its machine. @returns what it printed @throws when it fails */
  async run(...command: string[]): Promise<string> {
    const program = this.launch(...command);
    const [[code], output, complaint] = await Promise.all([
      once(program, 'exit'),
      text(program.stdout as Readable),
      text(program.stderr as Readable),
    ]);
    if (code !== 0) throw new Error(`"${command.join(' ')}" failed: ${complaint}`);
    return output;
  }

  /** Starts a program on its machine, with which it ends at the latest. */
  launch(...command: string[]): ChildProcess {
    return spawn('nsenter', this.#enter(...command), { stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** Copies an image from the engine that the tests have. */
  async load(image: string): Promise<void> {
    const shared = connectDocker({
      DOCKER_SERVER_HOST: process.env.DOCKER_SERVER_HOST ?? '/var/run/docker.sock',
    });
    await copyImage(image, shared, this.docker);
  }

  /**
   * Makes it forget its networks, before it is started again after it was killed: https://github.com/moby/moby/issues/37087.
   * So do a fleet's nodes: deploy/swarm.md.
   */
  async forgetNetworks(): Promise<void> {
    await this.run('rm', '--force', path.join(this.directory, 'data/network/files/local-kv.db'));
  }

  /** Has the images of another one, before it is first started: the files, which are never changed, are the same. */
  async share({ directory, docker }: Daemon): Promise<void> {
    const { Driver } = await docker.info();
    const copy = 'mkdir -p "$2" && cp -al "$1/image" "$1/$3" "$2"';
    await this.run('sh', '-ec', copy, 'sh', `${directory}/data`, `${this.directory}/data`, Driver);
  }

  /** The process whose network namespace is the machine's. */
  get namespaces(): number {
    return childOf(this.#machine);
  }

  /** Ends the machine with all that runs on it; its files go, too. */
  async remove(): Promise<void> {
    const exit = once(this.#machine, 'exit');
    this.#machine.stdin?.end();
    await exit;
  }

  #arguments(): string[] {
    return [
      ...['--data-root', path.join(this.directory, 'data'), '--host', `unix://${this.socket}`],
      ...['--cgroup-parent', `/${this.#group}`, '--log-level', this.#options.logLevel ?? 'warn'],
      ...(this.#options.liveRestore ? ['--live-restore'] : []),
      ...Object.entries(this.#options.runtimes ?? {}).map(([name, file]) => `--add-runtime=${name}=${file}`),
      ...(this.#options.remapTo ? ['--userns-remap=nobody:nogroup'] : []),
      ...this.#security(),
      ...(this.#options.hosts ?? []).map((host) => `--host=${host}`),
      ...(this.#options.noNewPrivileges || this.#options.swarm ? ['--no-new-privileges'] : []),
    ];
  }

  #security(): string[] {
    const { hosts, certificates } = this.#options;
    if (!hosts) return [];
    // Said, and not left out: without TLS it waits 15 s, so that somebody may think better of it.
    if (!certificates) return ['--tls=false'];
    const files = ['ca', 'cert', 'key'].map(
      (name) => `--tls${name === 'ca' ? 'cacert' : name}=${certificates}/${name}.pem`,
    );
    return ['--tlsverify', ...files];
  }

  /** `nsenter`'s arguments that run a command on the machine. */
  #enter(...command: string[]): string[] {
    const unshare = childOf(this.#machine);
    const processes = `--pid=/proc/${unshare}/ns/pid_for_children`;
    return ['--target', String(unshare), '--net', '--mount', '--uts', processes, '--', ...command];
  }
}

/** Starts a daemon that has the base image, and is a swarm where the tests run on one; it is gone when the test ends. */
export async function startDaemon(t: Scope, options: StartOptions = {}): Promise<Daemon> {
  const daemon = await makeMachine(t);
  if (options.remapTo) await remap(daemon, options.remapTo);
  await daemon.start({ swarm: ON_SWARM, ...options });
  await daemon.load(BASE_IMAGE);
  return daemon;
}

type MachineOptions = {
  name?: string;
  /** Whether it has the network of the machine that the tests run on, loopback included. */
  sharesNetwork?: boolean;
};

/** Makes a machine whose daemon is not started yet; it is gone when the test ends. */
export async function makeMachine(
  t: Scope,
  { name = 'machine', sharesNetwork = false }: MachineOptions = {},
): Promise<Daemon> {
  const directory = await mkdtemp(path.join(tmpdir(), 'dockbox-daemon-'));
  const group = `dockbox-${randomUUID()}`;
  const machine = spawn(
    'sh',
    ['-c', MACHINE, 'machine', directory, group, name, sharesNetwork ? '' : '--net'],
    {
      detached: true,
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const daemon = new Daemon(directory, group, machine);
  t.teardown(() => daemon.remove());
  await Promise.race([
    once(machine.stdout as NonNullable<typeof machine.stdout>, 'data'),
    once(machine, 'exit').then(() => Promise.reject(new Error('The namespaces could not be made.'))),
  ]);
  return daemon;
}

/** The machine's own lists of subordinate ids: see subuid(5). */
async function remap(daemon: Daemon, first: number): Promise<void> {
  const { directory } = daemon;
  // Through it leads the way to its containers' files.
  await chmod(directory, 0o711);
  const file = path.join(directory, 'subordinate-ids');
  // By the user's name or the group's, as the daemon's version has it.
  await writeFile(file, `nobody:${first}:65536\nnogroup:${first}:65536\n`);
  const script =
    'for list in /etc/subuid /etc/subgid; do [ -e $list ] || touch $list; mount --bind "$1" $list; done';
  await daemon.run('sh', '-ec', script, 'sh', file);
}

/** The id of a process's only child; 0 when it has none any more. */
function childOf({ pid }: ChildProcess): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'));
}
