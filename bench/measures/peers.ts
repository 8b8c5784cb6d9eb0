import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { shell } from '../bare-engine.js';
import { type Bench, inTerminal, type Measure, openBox } from '../bench.js';
import { alternate, compare, quantile } from '../figures.js';
import { startPeers } from '../peers/start.js';
import { SocketTerminal, showsPrompt, type Terminal } from '../terminal.js';
import { BATCH_KEYS, KEYS, roundTrips, side } from './echo.js';
import { OUTPUT_BYTES, throughput } from './output.js';

/** Idle terminals that are opened at once to see what one takes. */
const IDLE_TERMINALS = 10;
const SETTLE_MS = 2000;

type Side = { name: string; open: () => Promise<Terminal>; memory?: () => Promise<number> };

/**
 * Peers: what else takes a terminal to a browser. The engine itself does, for a container whose program has the TTY; with
 * `--peers` other programs are there, too.
 */
export const peers: Measure = async (bench) => {
  const others: Side[] = bench.options.peers ? await startPeers(bench) : [];
  const sides: Side[] = [{ name: "Docker's WebSocket", open: () => openAttached(bench) }, ...others];
  const figures = [...(await echo(bench, sides))];
  for (const peer of sides) figures.push(await output(bench, peer));
  for (const peer of others) figures.push(await memory(bench, peer));
  return figures;
};

async function echo(bench: Bench, peers: Side[]) {
  const { rounds, scale } = bench.options;
  const sides: Awaited<ReturnType<typeof side>>[] = [];
  for (const open of [() => openBox(bench), ...peers.map(({ open }) => open)]) sides.push(await side(open()));
  for (let round = 0; round < rounds; round++) {
    for (const { times } of sides) times.push([]);
    for (let keys = 0; keys < KEYS * scale; keys += BATCH_KEYS) {
      for (const { terminal, times } of sides)
        times.at(-1)?.push(...(await roundTrips(terminal, BATCH_KEYS)));
    }
  }
  for (const { terminal } of sides) terminal.close();
  const of = (index: number, part: number) => sides[index]?.times.map((round) => quantile(round, part)) ?? [];
  return peers.flatMap(({ name }, index) =>
    [0.5, 0.99].map((part) =>
      compare(`key echo, p${part * 100}; floor: ${name}`, 'ms', {
        floor: of(index + 1, part),
        dockbox: of(0, part),
      }),
    ),
  );
}

async function output(bench: Bench, { name, open }: Side) {
  const { rounds, scale } = bench.options;
  // The slowest of them takes its time.
  const bytes = (bench.options.peers ? 8e6 : OUTPUT_BYTES) * scale;
  const samples = await alternate(
    rounds,
    () => inTerminal(open(), (terminal) => throughput(terminal, bytes)),
    () => inTerminal(openBox(bench), (terminal) => throughput(terminal, bytes)),
  );
  return compare(`output; floor: ${name}`, 'MB/s', samples);
}

/** What an idle terminal adds to the memory of the program that carries it, and of what that has started for it. */
async function memory(bench: Bench, { name, open, memory = async () => 0 }: Side) {
  const floor = await growth(open, memory);
  const server = await bench.startReplica();
  const dockbox = await growth(
    () => openBox({ ...bench, server }),
    () => server.memory(),
  );
  return {
    what: `an idle terminal, memory; floor: ${name}`,
    ...{ unit: 'KB', floor: floor / 1024, dockbox: dockbox / 1024, ratio: dockbox / floor },
  };
}

async function growth(open: () => Promise<Terminal>, memory: () => Promise<number>): Promise<number> {
  const terminals = [await open()];
  const before = await memory();
  while (terminals.length <= IDLE_TERMINALS) terminals.push(await open());
  await delay(SETTLE_MS);
  const after = await memory();
  for (const terminal of terminals) terminal.close();
  return (after - before) / IDLE_TERMINALS;
}

/** Starts a container whose program is a shell on a TTY, and attaches to it by the engine's own WebSocket. */
async function openAttached({ engine, scope, container }: Bench): Promise<Terminal> {
  const { Config, HostConfig } = await engine.call('GET', `/containers/${container}/json`);
  const name = `dockbox-bench-${randomUUID()}`;
  await engine.call('POST', `/containers/create?name=${name}`, {
    ...{ Image: Config.Image, Cmd: shell, Env: ['TERM=xterm-256color'], Tty: true, OpenStdin: true },
    HostConfig: { ...HostConfig, Mounts: [] },
  });
  scope.teardown(() => engine.call('DELETE', `/containers/${name}?force=true&v=true`));
  const terminal = new SocketTerminal(engine.attachAddress(name));
  await once(terminal.socket, 'open');
  const prompted = showsPrompt(terminal);
  await engine.call('POST', `/containers/${name}/start`);
  await prompted;
  return terminal;
}
