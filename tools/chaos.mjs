// Servers, clients and real faults, in a world of their own: `npm run chaos -- --seed 1 --seconds 60`.
import { prepareTests } from './prepare.mjs';

// What is set up is the machine's own engine, which images come from.
const { ENGINE: engine } = process.env;
delete process.env.ENGINE;

try {
  await prepareTests();
  if (engine) process.env.ENGINE = engine;
  const { main } = await import('../build/chaos/index.js');
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  console.error(`\n${error.message}`);
  process.exit(1);
}
