import { inTerminal, type Measure, openBare, openBox } from '../bench.js';
import { alternate, atMostTimes, both, compare, quantile, within } from '../figures.js';
import { shows, type Terminal } from '../terminal.js';

const KEYS = 600;
/** Sides take turns after so few keys: another program's load then slows both. */
const BATCH_KEYS = 20;
const WARM_UP_KEYS = 200;

/** Key echo: from a key that is typed to its byte from `cat` on a raw TTY, one key at a time. */
export const echo: Measure = async (bench) => {
  const { rounds, scale } = bench.options;
  const batches = Math.ceil((KEYS * scale) / BATCH_KEYS);
  const times: { floor: number[][]; dockbox: number[][] } = { floor: [], dockbox: [] };
  await inTerminal(openBare(bench), (bare) =>
    inTerminal(openBox(bench), async (box) => {
      for (const terminal of [bare, box]) await startEcho(terminal);
      for (let round = 0; round < rounds; round++) {
        const { floor, dockbox } = await alternate(
          batches,
          () => roundTrips(bare, BATCH_KEYS),
          () => roundTrips(box, BATCH_KEYS),
        );
        times.floor.push(floor.flat());
        times.dockbox.push(dockbox.flat());
      }
    }),
  );
  const at = (part: number) => ({
    floor: times.floor.map((round) => quantile(round, part)),
    dockbox: times.dockbox.map((round) => quantile(round, part)),
  });
  const target = both(within(0.15, 'ms'), atMostTimes(1.15));
  return [compare('key echo, p50', 'ms', at(0.5), target), compare('key echo, p99', 'ms', at(0.99))];
};

async function startEcho(terminal: Terminal): Promise<void> {
  const ready = shows(terminal, /ready/);
  terminal.write('stty raw -echo; echo rea""dy; exec cat\r');
  await ready;
  await roundTrips(terminal, WARM_UP_KEYS);
}

/** @returns milliseconds of each round trip */
async function roundTrips(terminal: Terminal, keys: number): Promise<number[]> {
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
