// Fails when a dependency has a known advisory. A registry that keeps no advisories is said, and no failure.
import { spawnSync } from 'node:child_process';
import { root } from './prepare.mjs';

const { stdout, stderr } = spawnSync('npm', ['audit', '--json'], { cwd: root, encoding: 'utf8' });
let report;
try {
  report = JSON.parse(stdout);
} catch {
  throw new Error(`npm audit can't be understood: ${stdout}${stderr}`);
}
const vulnerable = Object.values(report.vulnerabilities ?? {});
for (const { name, severity, via } of vulnerable) {
  const advisories = via
    .filter((cause) => typeof cause === 'object')
    .map(({ title, url }) => `${title}: ${url}`);
  console.error(`${name} (${severity}): ${advisories.join('; ') || `through ${via.join(', ')}`}`);
}
if (vulnerable.length > 0) process.exitCode = 1;
else if (report.metadata)
  console.log(`${report.metadata.dependencies.total} dependencies without a known advisory`);
else
  console.warn(
    `The registry tells of no advisories: ${report.statusCode ?? report.error?.code ?? 'it gives no reason'}`,
  );
