// The set-up of `npm start`, and then the tests.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { prepareTests, root } from './prepare.mjs';

// What is set up is the machine's own engine, which a swarm's images come from.
const { ENGINE: engine } = process.env;
delete process.env.ENGINE;

await prepareTests();
const { ensureRegistry } = await import('../build/setup/registry.js');
await ensureRegistry();
const { ensureBrowser } = await import('../build/setup/browser.js');
await ensureBrowser();

if (engine === 'swarm') await runApart();
else await import('./run-tests.mjs');

/**
 * Runs the tests in a network of their own, the swarm's engine with them: so that fetches reach the tests' servers on
 * loopback, and what the engine adds to the network is in no other's way and goes when the last process does. What tests
 * mount, its node sees as well.
 */
async function runApart() {
  const tests = [process.execPath, path.join(root, 'tools/run-tests.mjs'), ...process.argv.slice(2)];
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  const script = 'ip link set lo up && exec "$@"';
  const apart = ['--net', '--mount', '--propagation=shared', 'sh', '-c', script, 'sh'];
  const child = spawn('unshare', [...apart, ...tests], {
    env: { ...process.env, ENGINE: engine },
    stdio: 'inherit',
  });
  const [code] = await once(child, 'exit');
  process.exitCode = code ?? 1;
}
