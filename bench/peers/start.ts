import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import net, { type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { listens } from '../../test/helpers/service.js';
import type { Bench } from '../bench.js';
import { showsPrompt, type Terminal } from '../terminal.js';
import { installShellinabox, installWetty } from './install.js';
import { ShellinaboxTerminal, WettyTerminal } from './terminals.js';

/** How long a peer may take to show a prompt, in ms. */
const PROMPT_MS = 20_000;

/** A program that carries terminals over HTTP, as it is installed elsewhere; its shells are in the box's container. */
export type Peer = { name: string; open: () => Promise<Terminal>; memory: () => Promise<number> };

/** Installs and starts the peers. They run as this user, and wetty lets in without a password only when that is root. */
export async function startPeers(bench: Bench): Promise<Peer[]> {
  const shell = await shellScript(bench);
  const wetty = await installWetty();
  const main = path.join(wetty, 'node_modules', 'wetty', 'build', 'main.js');
  const shellinabox = await installShellinabox();
  const user = os.userInfo().username;
  return [
    await start(
      bench,
      'wetty',
      (port) => [
        process.execPath,
        main,
        '--host',
        '127.0.0.1',
        '--port',
        port,
        '--base',
        '/wetty',
        '--ssh-host',
        'localhost',
        '--command',
        shell,
      ],
      (base) => new WettyTerminal(base, wetty),
    ),
    await start(
      bench,
      'shellinabox',
      (port) => [
        ...[shellinabox, '--disable-ssl', '--localhost-only', '--quiet', '--no-beep', '--port', port],
        ...['--user', user, '--group', user, '--service', `/:${user}:${user}:/:${shell}`],
      ],
      (base) => new ShellinaboxTerminal(base),
    ),
  ];
}

async function start(
  { scope }: Bench,
  name: string,
  command: (port: string) => string[],
  connect: (base: string) => Terminal,
): Promise<Peer> {
  const port = await freePort();
  const [program = '', ...args] = command(String(port));
  const child = spawn(program, args, { stdio: 'ignore' });
  scope.teardown(() => child.kill());
  const base = `http://127.0.0.1:${port}`;
  while (!(await listens(base))) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}.`);
    await delay(50);
  }
  const open = async () => {
    const terminal = connect(base);
    const late = delay(PROMPT_MS, undefined, { ref: false }).then(() => {
      throw new Error(`${name} shows no prompt.`);
    });
    await Promise.race([showsPrompt(terminal), late]);
    return terminal;
  };
  return { name, open, memory: () => treeMemory(child) };
}

/** A program of one word, which is all that peers take, that starts the shell that dockbox would. */
async function shellScript({ scope, container }: Bench): Promise<string> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'dockbox-peers-'));
  scope.teardown(() => rm(directory, { recursive: true }));
  const file = path.join(directory, 'shell');
  const environment = '-e TERM=xterm-256color -e COLORTERM=truecolor -e LANG=C.UTF-8';
  await writeFile(file, `#!/bin/sh\nexec docker exec -it ${environment} -w /workspace ${container} bash\n`);
  await chmod(file, 0o755);
  return file;
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** The memory of a program and of all that it has started, each page counted for its part in it (PSS), in bytes. */
async function treeMemory({ pid = 0 }: ChildProcess): Promise<number> {
  const parents = new Map<number, number>();
  for (const name of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
  }
  const isWithin = (id: number | undefined): boolean =>
    id !== undefined && (id === pid || isWithin(parents.get(id)));
  let bytes = 0;
  for (const id of [...parents.keys()].filter(isWithin)) {
    const rollup = await readFile(`/proc/${id}/smaps_rollup`, 'utf8').catch(() => '');
    bytes += Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1] ?? 0) * 1024;
  }
  return bytes;
}
