import { fork } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { type Bench, type Measure, openBare, openBox } from '../bench.js';
import { atMostTimes, both, compare, quantile, within } from '../figures.js';
import { BareTerminal, BoxTerminal, shows, showsPrompt, type Terminal } from '../terminal.js';

export const KEYS = 600;
/** Sides take turns after so few keys: another program's load then slows both. */
export const BATCH_KEYS = 20;
const WARM_UP_KEYS = 200;

/**
 * Key echo: from a key that is typed to its byte from `cat` on a raw TTY, one key at a time. There is a second floor for
 * it: what a relay in a process of Node's costs that does nothing but copy, which no server in dockbox's place can save.
 */
export const echo: Measure = async (bench) => {
  const { rounds, scale } = bench.options;
  const batches = Math.ceil((KEYS * scale) / BATCH_KEYS);
  const sides = [
    await side(openBare(bench)),
    await side(openRelay(bench)),
    await side(openBox(bench)),
    await side(openHeld(bench)),
  ];
  for (let round = 0; round < rounds; round++) {
    for (const { times } of sides) times.push([]);
    for (let batch = 0; batch < batches; batch++) {
      for (const { terminal, times } of sides) {
        times.at(-1)?.push(...(await roundTrips(terminal, BATCH_KEYS)));
      }
    }
  }
  for (const { terminal } of sides) terminal.close();

  const [p50, p99] = [0.5, 0.99].map((part) =>
    sides.map(({ times }) => times.map((round) => quantile(round, part))),
  );
  const against = (floor: number[] = [], dockbox: number[] = []) => ({ floor, dockbox });
  const target = both(within(0.15, 'ms'), atMostTimes(1.15));
  return [
    compare('key echo, p50', 'ms', against(p50?.[0], p50?.[2]), target),
    compare('key echo, p50, floor: a bare relay', 'ms', against(p50?.[1], p50?.[2])),
    compare('key echo, p99', 'ms', against(p99?.[0], p99?.[2])),
    compare('key echo, p50, held; floor: not held', 'ms', against(p50?.[2], p50?.[3]), within(0.15, 'ms')),
  ];
};

export async function side(opened: Promise<Terminal>): Promise<{ terminal: Terminal; times: number[][] }> {
  const terminal = await opened;
  await startEcho(terminal);
  return { terminal, times: [] };
}

/** Starts a shell in the box's container by way of a relay in a process of its own. */
async function openRelay({ engine, container, scope }: Bench): Promise<Terminal> {
  const relay = fork(new URL('../relay.js', import.meta.url), [engine.address, container]);
  scope.teardown(() => relay.kill());
  const [port] = await once(relay, 'message');
  const terminal = new BareTerminal(net.connect({ host: '127.0.0.1', port, noDelay: true }));
  await showsPrompt(terminal);
  return terminal;
}

/** Begins a held terminal in the box. What it shows is drawn, so that its prompt is not the last of it. */
async function openHeld({ server, boxId }: Bench): Promise<Terminal> {
  const terminal = new BoxTerminal(server.base, boxId, 'echo');
  await Promise.race([shows(terminal, /[#$] /), terminal.failure]);
  return terminal;
}

async function startEcho(terminal: Terminal): Promise<void> {
  const ready = shows(terminal, /ready/);
  terminal.write('stty raw -echo; echo rea""dy; exec cat\r');
  await ready;
  await roundTrips(terminal, WARM_UP_KEYS);
}

/** @returns milliseconds of each round trip */
export async function roundTrips(terminal: Terminal, keys: number): Promise<number[]> {
  const times: number[] = [];
  while (times.length < keys) times.push(await roundTrip(terminal));
  return times;
}

function roundTrip(terminal: Terminal): Promise<number> {
  return new Promise((resolve) => {
    const start = performance.now();
    terminal.onOutput = () => resolve(performance.now() - start);
    terminal.write('k');
  });
}
