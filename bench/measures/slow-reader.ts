import { setTimeout as delay } from 'node:timers/promises';
import type { Server } from '../../test/helpers/server.js';
import { inTerminal, type Measure, openBox } from '../bench.js';
import { prepareOutput, receive } from './output.js';

const MB = 1e6;
const OUTPUT_BYTES = 200 * MB;
/** What a server allocates once, for the first output that it carries, is no growth. */
const WARM_UP_BYTES = 20 * MB;
const PAUSE_MS = 5000;
const SAMPLE_MS = 20;

/** Slow reader: by how much the server grows while a client takes 1 MB of 200, stops for 5 s, and takes the rest. */
export const slowReader: Measure = async (running) => {
  const { options, startReplica } = running;
  const server = await startReplica();
  const bench = { ...running, server };
  const bytes = OUTPUT_BYTES * options.scale;
  await inTerminal(openBox(bench), async (terminal) => {
    await prepareOutput(terminal, WARM_UP_BYTES);
    await receive(terminal, WARM_UP_BYTES);
  });
  const growth = await inTerminal(openBox(bench), async (terminal) => {
    await prepareOutput(terminal, bytes);
    return growthDuring(server, async () => {
      let paused: Promise<void> | undefined;
      await receive(terminal, bytes, (received) => {
        if (paused || received < MB) return;
        terminal.pause();
        paused = delay(PAUSE_MS * options.scale).then(() => terminal.resume());
      });
      await paused;
    });
  });
  return [{ what: 'slow reader, growth of the server', unit: 'MB', dockbox: growth / MB }];
};

/** By how many bytes the server's memory grows at most during some work. */
async function growthDuring(server: Server, work: () => Promise<void>): Promise<number> {
  const before = await server.memory();
  let most = before;
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      most = Math.max(most, await server.memory());
      await delay(SAMPLE_MS);
    }
  })();
  await work();
  isOver = true;
  await watching;
  return most - before;
}
