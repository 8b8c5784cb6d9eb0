import { makeReplicas } from '../test/helpers/replicas.js';
import { fill } from './fill.js';
import { type Operation, operations } from './operations.js';
import { explain, recording, statementsOf } from './recording.js';

const SIZES = [1_000, 100_000, 1_000_000];
const ROUNDS = 20;
const CONSTANT = { running: 500, connections: 200, replicas: 4 };

/**
 * Prints what the database does for each of the service's operations, and how long the operation takes, with few boxes
 * and with many. The database server is that of the DATABASE_ variables.
 */
export async function scale(sizes = SIZES): Promise<void> {
  const times = new Map<string, string[]>();
  for (const boxes of sizes) {
    const undo: (() => unknown)[] = [];
    try {
      const replicas = await makeReplicas({ teardown: (work) => undo.push(work) }, {}, recording);
      await fill(replicas.pool, { boxes, ...CONSTANT });
      console.log(`\n${boxes} boxes, of which ${CONSTANT.running} run, ${CONSTANT.connections} connections`);
      for (const operation of await operations(replicas)) {
        const ms = (await median(operation)).toFixed(2);
        times.set(operation.name, [...(times.get(operation.name) ?? []), ms]);
        console.log(`\n${operation.name}: ${ms} ms`);
        await operation.prepare?.();
        const statements = await statementsOf(operation.run);
        await operation.prepare?.();
        for (const statement of statements) {
          for (const line of await explain(replicas.pool, statement)) console.log(`  ${line}`);
        }
      }
    } finally {
      for (const work of undo.reverse()) await work();
    }
  }
  console.log(`\nMedian of ${ROUNDS}, in ms, with ${sizes.join(', ')} boxes\n`);
  for (const [name, values] of times) console.log(`| ${name} | ${values.join(' | ')} |`);
}

/** How long an operation takes, in ms, without what prepares it. */
async function median({ prepare, run }: Operation): Promise<number> {
  const taken: number[] = [];
  while (taken.length < ROUNDS) {
    await prepare?.();
    const startedAt = performance.now();
    await run();
    taken.push(performance.now() - startedAt);
  }
  taken.sort((a, b) => a - b);
  return ((taken[ROUNDS / 2 - 1] as number) + (taken[ROUNDS / 2] as number)) / 2;
}
