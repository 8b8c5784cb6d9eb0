// The part of the set-up that needs root on the engine's host, for a server that is not root, or runs elsewhere.
import { prepareBuild } from './prepare.mjs';

try {
  prepareBuild();
  const { readConfig } = await import('../build/lib/config.js');
  const { connectDocker, disconnectDocker } = await import('../build/lib/docker.js');
  const { ensureFirewall } = await import('../build/setup/firewall.js');
  const config = readConfig();
  const docker = connectDocker(config);
  await ensureFirewall(docker, config);
  disconnectDocker(docker);
} catch (error) {
  console.error(`\n${error.message}`);
  process.exitCode = 1;
}
