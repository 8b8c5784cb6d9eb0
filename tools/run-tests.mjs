// Every test, or those named, with a throw-away database; with ENGINE=swarm on a throw-away swarm of one node.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { root } from './prepare.mjs';
import { withThrowAways } from './throw-away.mjs';

const { ENGINE: engine } = process.env;
delete process.env.ENGINE;

process.once('SIGINT', () => {});
process.once('SIGTERM', () => {});
process.exitCode = await withThrowAways(engine === 'swarm' ? onSwarm : runTests);

async function onSwarm(variables) {
  const { RunScope } = await import('../build/test/helpers/scope.js');
  const { startLoneSwarm } = await import('../build/test/helpers/lone-swarm.js');
  const scope = new RunScope();
  try {
    return await runTests({ ...variables, ...(await startLoneSwarm(scope)) });
  } finally {
    for (const problem of await scope.end()) console.error(problem);
  }
}

async function runTests(variables) {
  const files = process.argv
    .slice(2)
    .map((file) => file.replace(/\.ts$/, '.js').replace(/^test\//, 'build/test/'));
  const env = { ...process.env, LOG_LEVEL: 'silent', ...variables };
  // tap runs with the plugins that .taprc names only once it has been built with them.
  spawnSync('npx', ['tap', 'build'], { cwd: root, stdio: 'ignore' });
  const tap = spawn('npx', ['tap', '--reporter=tap', ...files], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let totals = '';
  for await (const line of createInterface({ input: tap.stdout })) {
    // Each level of subtests ends with such a line; the last is the whole run's.
    if (line.startsWith('# {')) totals = line;
    // What passed in a subtest is not worth a line of its own.
    if (!/^\s+(ok|#|\d+\.\.|$)/.test(line)) console.log(line);
  }
  const code = tap.exitCode ?? (await once(tap, 'exit'))[0];
  const count = (name) => Number(new RegExp(`${name}: (\\d+)`).exec(totals)?.[1] ?? 0);
  console.log(`${count('pass')} passed, ${count('fail')} failed`);
  return code === 0 && count('pass') > 0 ? 0 : 1;
}
