import type Docker from 'dockerode';
import { probe } from '../../../probe.js';

/** The runtime that every Docker engine has: another's /proc may have a story of its own to tell. */
const RUNTIME = 'runc';

/** What the script says, added up. */
const NEW_PRIVILEGES = 1;
const NO_SECCOMP = 2;

const SCRIPT = `
status=0
grep -q '^NoNewPrivs:[[:space:]]*1$' /proc/self/status || status=$((status + ${NEW_PRIVILEGES}))
grep -q '^Seccomp:[[:space:]]*2$' /proc/self/status || status=$((status + ${NO_SECCOMP}))
exit $status`;

/**
 * Looks whether the engine gives containers what no service can ask for: no new privileges, and a seccomp profile.
 * @returns what is wrong, and what to do
 */
export async function checkHardening(docker: Docker, image: string): Promise<string[]> {
  const host = { SecurityOpt: [], Runtime: RUNTIME };
  const status = (await probe({ docker, image, command: ['sh', '-c', SCRIPT], host })) ?? 0;
  return [
    ...(status & NEW_PRIVILEGES
      ? [
          'its engine lets programs in containers gain privileges: set "no-new-privileges": true in its daemon.json and restart it',
        ]
      : []),
    ...(status & NO_SECCOMP
      ? [
          'its engine runs containers without a seccomp profile: take "seccomp-profile" out of its daemon.json',
        ]
      : []),
  ];
}
