import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { promisify } from 'node:util';
import type { Daemon } from './daemon.js';
import type { Scope } from './scope.js';

const run = promisify(execFile);

/**
 * What cables lead to: a bridge in a network namespace of its own, so that the machine's own firewall has no word in what
 * goes from node to node. It goes, and all cables with it, when the input closes, so also when the tests are killed.
 */
const SWITCH = 'ip link add switch type bridge && ip link set switch up && echo up && cat >/dev/null; :';

/** How many networks may be there at a time: 198.18.0.0/15 is for tests of networks alone (RFC 2544), and each has a /24. */
const NETWORKS = 256;

/** The machine's own number on each, beyond those of nodes. */
const OWN_NUMBER = 254;

/** A node's way to the others. */
export type Cable = { address: string; set: (state: 'up' | 'down') => Promise<void> };

/** The network of a cluster's nodes, on which the machine that the tests run on has an address, too. */
export class ClusterNetwork {
  readonly #prefix: string;
  readonly #switch: ChildProcess;

  private constructor(prefix: string, process: ChildProcess) {
    this.#prefix = prefix;
    this.#switch = process;
  }

  /** Makes one; it is gone when the test ends. */
  static async make(t: Scope): Promise<ClusterNetwork> {
    const process = spawn('unshare', ['--net', 'sh', '-c', SWITCH], {
      // In a session of its own: Ctrl-C is for the tests, which then end it.
      detached: true,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.teardown(async () => {
      const exit = once(process, 'exit');
      process.stdin?.end();
      await exit;
    });
    await Promise.race([
      once(process.stdout as NonNullable<typeof process.stdout>, 'data'),
      once(process, 'exit').then(() => Promise.reject(new Error('The network could not be made.'))),
    ]);
    for (;;) {
      const number = randomInt(NETWORKS);
      const network = new ClusterNetwork(`198.18.${number}`, process);
      if (await network.#plugIn(`dbxtest${number}`)) return network;
    }
  }

  /** Gives a machine a cable, which is up, and the address of that number. */
  async attach({ namespaces }: Daemon, number: number): Promise<Cable> {
    const end = `port${number}`;
    const address = this.address(number);
    const others = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', String(namespaces)];
    await run('ip', ['link', 'add', end, 'netns', String(this.#switch.pid), ...others]);
    await inside(namespaces, 'ip', 'address', 'add', `${address}/24`, 'dev', 'eth0');
    await inside(namespaces, 'ip', 'link', 'set', 'eth0', 'up');
    await this.#connect(end);
    const set = async (state: 'up' | 'down') => {
      await inside(this.#switch.pid, 'ip', 'link', 'set', end, state);
    };
    return { address, set };
  }

  /** Connects this machine, by an interface of that name. @returns false when it has another one of that name */
  async #plugIn(name: string): Promise<boolean> {
    const end = ['type', 'veth', 'peer', 'name', 'tests', 'netns', String(this.#switch.pid)];
    try {
      await run('ip', ['link', 'add', name, ...end]);
    } catch (error) {
      if (/File exists/.test((error as { stderr: string }).stderr)) return false;
      throw error;
    }
    await run('ip', ['address', 'add', `${this.address(OWN_NUMBER)}/24`, 'dev', name]);
    await run('ip', ['link', 'set', name, 'up']);
    await this.#connect('tests');
    return true;
  }

  async #connect(end: string): Promise<void> {
    await inside(this.#switch.pid, 'ip', 'link', 'set', end, 'master', 'switch', 'up');
  }

  /** The address of that number. */
  address(number: number): string {
    return `${this.#prefix}.${number}`;
  }
}

/** Runs a command in the network namespace of a process. */
async function inside(pid: number | undefined, ...command: string[]): Promise<void> {
  await run('nsenter', ['--target', String(pid), '--net', '--', ...command]);
}
