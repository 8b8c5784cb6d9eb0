// API keys, straight on the database of the configuration: npm run -s key -- create NAME
import { prepareBuild } from './prepare.mjs';

try {
  prepareBuild();
  const { main } = await import('../build/setup/key.js');
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`\n${error.message}`);
  process.exitCode = 1;
}
