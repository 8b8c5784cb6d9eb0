// Servers, clients and real faults, in a world of their own: `npm run chaos -- --seed 1 --seconds 60`.
import { prepareTests } from './prepare.mjs';

try {
  await prepareTests();
  const { main } = await import('../build/chaos/index.js');
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  console.error(`\n${error.message}`);
  process.exit(1);
}
