import { parseOptions } from './options.js';
import { report } from './report.js';
import { runChaos } from './run.js';

/** Runs chaos as its arguments say. @returns the exit status: 1 when a promise was broken */
export async function main(args: string[]): Promise<number> {
  const options = parseOptions(args);
  console.log(`seed ${options.seed}, ${new Date().toISOString()}`);
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
  try {
    const ledger = await runChaos(options, interrupted.signal, console.log);
    console.log(report(ledger, options));
    return ledger.violations.length > 0 ? 1 : 0;
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    console.log('interrupted');
    return 130;
  }
}
