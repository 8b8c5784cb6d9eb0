// One process from here on, so that Ctrl-C and SIGTERM reach the server itself.
import { prepareBuild } from './prepare.mjs';

try {
  prepareBuild();
  await import('../build/setup/main.js');
} catch (error) {
  console.error(`\n${error.message}`);
  process.exitCode = 1;
}
