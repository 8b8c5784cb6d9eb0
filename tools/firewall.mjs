// The part of the set-up that needs root on the engine's host, for a server that is not root, or runs elsewhere. With
// --print it is written out as a script for the nodes of a fleet.
import { prepareBuild } from './prepare.mjs';

const { log } = console;
try {
  const print = process.argv.includes('--print');
  // What is printed goes into a file: nothing else is said there.
  if (print) console.log = console.error;
  prepareBuild();
  console.log = log;
  const { readConfig } = await import('../build/lib/config.js');
  const config = readConfig();
  if (print) {
    const { firewallScript } = await import('../build/setup/firewall-script.js');
    process.stdout.write(firewallScript(config));
  } else {
    const { connectDocker, disconnectDocker } = await import('../build/lib/docker.js');
    const { ensureFirewall } = await import('../build/setup/firewall.js');
    const docker = connectDocker(config);
    await ensureFirewall(docker, config);
    disconnectDocker(docker);
  }
} catch (error) {
  console.error(`\n${error.message}`);
  process.exitCode = 1;
}
