// One process from here on, so that Ctrl-C and SIGTERM reach the server itself.
import { prepareBuild } from './prepare.mjs';

try {
  prepareBuild();
  const { prepare } = await import('../build/setup/index.js');
  await prepare();
  const { start } = await import('../build/server.js');
  await start();
} catch (error) {
  console.error(`\n${error.message}`);
  process.exitCode = 1;
}
