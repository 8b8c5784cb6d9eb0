// How the database's work grows with the number of boxes, on a throw-away database.
import { prepareBuild } from './prepare.mjs';
import { withThrowAways } from './throw-away.mjs';

prepareBuild();
const { scale } = await import('../build/bench/scale.js');
const sizes = process.argv.slice(2).map(Number);
process.once('SIGINT', () => {});
await withThrowAways(async (env) => {
  Object.assign(process.env, env);
  await scale(sizes.length > 0 ? sizes : undefined);
});
