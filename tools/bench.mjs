// The set-up of `npm start`, a throw-away database, then the benchmarks.
import { prepareTests } from './prepare.mjs';
import { withThrowAways } from './throw-away.mjs';

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => interruption.abort(new Error('Interrupted: what was made is removed.')));
}
try {
  await prepareTests();
  const { bench } = await import('../build/bench/index.js');
  await withThrowAways(async (env) => {
    Object.assign(process.env, env);
    await bench(process.argv.slice(2), interruption.signal);
  });
} catch (error) {
  console.error(`\n${error.message}`);
  process.exitCode = 1;
}
// A measure that was interrupted may still wait for what will not come.
process.exit();
