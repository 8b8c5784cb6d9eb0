// API keys, straight on the database of the configuration: npm run -s key -- create NAME
import { prepareBuild } from './prepare.mjs';

const { log } = console;
try {
  // A script takes the key from the standard output: nothing else is said there.
  console.log = console.error;
  prepareBuild();
  console.log = log;
  const { main } = await import('../build/setup/key.js');
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`\n${error.message}`);
  process.exitCode = 1;
}
