import { call } from '../../test/helpers/client.js';
import { type Bench, type Measure, openBare, openBox, released } from '../bench.js';
import { alternate, atMostTimes, compare, median } from '../figures.js';

const TIMES_RUNNING = 10;
const TIMES_STOPPED = 2;

/** Connect: from nothing to the first prompt, in a box that runs and in one that is stopped. */
export const connect: Measure = async (bench) => {
  const { rounds, scale } = bench.options;
  const running = await inTurns(
    rounds,
    TIMES_RUNNING * scale,
    () => bare(bench),
    () => dockbox(bench),
  );
  const stopped = await inTurns(
    rounds,
    Math.ceil(TIMES_STOPPED * scale),
    () => bareFromStopped(bench),
    () => dockboxFromStopped(bench),
  );
  return [
    compare('connect to first prompt, running box', 'ms', running, atMostTimes(1.3)),
    compare('connect to first prompt, stopped box', 'ms', stopped),
  ];
};

/** @returns the median of each side's times in each round, in which the sides take turns */
async function inTurns(
  rounds: number,
  times: number,
  floor: () => Promise<number>,
  dockbox: () => Promise<number>,
): Promise<{ floor: number[]; dockbox: number[] }> {
  const medians: { floor: number[]; dockbox: number[] } = { floor: [], dockbox: [] };
  for (let round = 0; round < rounds; round++) {
    const samples = await alternate(times, floor, dockbox);
    medians.floor.push(median(samples.floor));
    medians.dockbox.push(median(samples.dockbox));
  }
  return medians;
}

async function bare(bench: Bench, start = performance.now()): Promise<number> {
  const terminal = await openBare(bench);
  const time = performance.now() - start;
  terminal.write('exit\r');
  await terminal.ended();
  return time;
}

async function dockbox(bench: Bench, start = performance.now()): Promise<number> {
  const terminal = await openBox(bench);
  const time = performance.now() - start;
  terminal.close();
  await released(bench);
  return time;
}

async function bareFromStopped(bench: Bench): Promise<number> {
  await stop(bench);
  const start = performance.now();
  await bench.engine.call('POST', `/containers/${bench.container}/start`);
  return bare(bench, start);
}

async function dockboxFromStopped(bench: Bench): Promise<number> {
  await stop(bench);
  return dockbox(bench);
}

async function stop({ server, boxId }: Bench): Promise<void> {
  const { status, body } = await call(server, 'POST', `/v1/dockbox/${boxId}/stop`);
  if (status !== 200) throw new Error(`The box could not be stopped: ${JSON.stringify(body)}`);
}
