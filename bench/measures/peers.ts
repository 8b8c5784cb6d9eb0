import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { shell } from '../bare-engine.js';
import { type Bench, inTerminal, type Measure, openBox } from '../bench.js';
import { alternate, compare, quantile } from '../figures.js';
import { SocketTerminal, showsPrompt, type Terminal } from '../terminal.js';
import { BATCH_KEYS, KEYS, roundTrips, side } from './echo.js';
import { OUTPUT_BYTES, throughput } from './output.js';

/** Peers: what else takes a terminal to a browser. The engine itself does, for a container whose program has the TTY. */
export const peers: Measure = async (bench) => [...(await echo(bench)), await output(bench)];

async function echo(bench: Bench) {
  const { rounds, scale } = bench.options;
  const sides = [await side(openAttached(bench)), await side(openBox(bench))];
  for (let round = 0; round < rounds; round++) {
    for (const { times } of sides) times.push([]);
    for (let keys = 0; keys < KEYS * scale; keys += BATCH_KEYS) {
      for (const { terminal, times } of sides)
        times.at(-1)?.push(...(await roundTrips(terminal, BATCH_KEYS)));
    }
  }
  for (const { terminal } of sides) terminal.close();
  const of = (part: number) => {
    const [floor = [], dockbox = []] = sides.map(({ times }) => times.map((round) => quantile(round, part)));
    return { floor, dockbox };
  };
  return [
    compare("key echo, p50; floor: Docker's WebSocket", 'ms', of(0.5)),
    compare("key echo, p99; floor: Docker's WebSocket", 'ms', of(0.99)),
  ];
}

async function output(bench: Bench) {
  const { rounds, scale } = bench.options;
  const samples = await alternate(
    rounds,
    () => inTerminal(openAttached(bench), (terminal) => throughput(terminal, OUTPUT_BYTES * scale)),
    () => inTerminal(openBox(bench), (terminal) => throughput(terminal, OUTPUT_BYTES * scale)),
  );
  return compare("output; floor: Docker's WebSocket", 'MB/s', samples);
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
