// What a box's steps take on a swarm, against a single engine: on a throw-away daemon, with a throw-away database.
import { prepareBuild } from './prepare.mjs';
import { withThrowAways } from './throw-away.mjs';

const interruption = new AbortController();
process.once('SIGINT', () => interruption.abort());
prepareBuild();
const { compareEngines } = await import('../build/bench/engines.js');
await withThrowAways(async (env) => {
  Object.assign(process.env, env, { LOG_LEVEL: 'warn' });
  await compareEngines(interruption.signal);
});
