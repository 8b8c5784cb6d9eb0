// Images of languages, ahead of the first box that needs each: on the engine, or on every node of a fleet.
import { prepareBuild } from './prepare.mjs';

try {
  prepareBuild();
  const { main } = await import('../build/setup/prepull.js');
  process.exitCode = await main();
} catch (error) {
  console.error(`\n${error.message}`);
  process.exitCode = 1;
}
