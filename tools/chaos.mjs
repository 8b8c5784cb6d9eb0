// Servers, clients and real faults, in a world of their own: `npm run chaos -- --seed 1 --seconds 60`.
import { prepareBuild } from './prepare.mjs';

try {
  prepareBuild();
  const { prepare } = await import('../build/setup/index.js');
  await prepare();
  const { ensureTestTools } = await import('../build/setup/test-tools.js');
  await ensureTestTools();
  const { main } = await import('../build/chaos/index.js');
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  console.error(`\n${error.message}`);
  process.exit(1);
}
