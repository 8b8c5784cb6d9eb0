import { setTimeout as delay } from 'node:timers/promises';
import { type Bench, type Measure, openBox, released } from '../bench.js';
import { atMost } from '../figures.js';
import type { BoxTerminal } from '../terminal.js';

/** Opened and closed before the base is taken: what the first ones load and compile is no terminal's share. */
const WARM_UP_TERMINALS = 20;
const AT_ONCE = 4;
const SETTLE_MS = 3000;
const IDLE_MS = 5000;

/** Idle terminals: what each adds to the server's memory, and the processor time that all take while nothing happens. */
export const idle: Measure = async (running) => {
  const { options, startReplica } = running;
  const server = await startReplica();
  const bench = { ...running, server };
  await close(bench, await open(bench, Math.min(WARM_UP_TERMINALS, options.terminals)));
  const before = await server.memory();
  const terminals = await open(bench, options.terminals);
  await delay(SETTLE_MS * options.scale);
  const after = await server.memory();

  const usedBefore = await server.processorTime();
  const idleMs = IDLE_MS * options.scale;
  await delay(idleMs);
  const usedMs = (await server.processorTime()) - usedBefore;
  await close(bench, terminals);

  const each = `${options.terminals} idle terminals`;
  return [
    {
      what: `${each}, memory for each`,
      unit: 'KB',
      dockbox: (after - before) / options.terminals / 1024,
      target: atMost(60, 'KB'),
    },
    { what: `${each}, processor for all`, unit: '% of a core', dockbox: (usedMs / idleMs) * 100 },
  ];
};

async function open(bench: Bench, count: number): Promise<BoxTerminal[]> {
  const terminals: BoxTerminal[] = [];
  while (terminals.length < count) {
    const few = Array.from({ length: Math.min(AT_ONCE, count - terminals.length) }, () => openBox(bench));
    terminals.push(...(await Promise.all(few)));
  }
  return terminals;
}

async function close(bench: Bench, terminals: BoxTerminal[]): Promise<void> {
  for (const terminal of terminals) terminal.close();
  await released(bench);
}
