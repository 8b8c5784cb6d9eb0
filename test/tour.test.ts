import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { projectRoot } from '../lib/paths.js';
import { startApp } from './helpers/app.js';
import { makeCli } from './helpers/cli.js';
import { makeKey } from './helpers/credentials.js';
import { startGitServer } from './helpers/git-server.js';
import { fencedBlocks } from './helpers/readme.js';

for (const [file, printed] of Object.entries({
  'README.md': [/^[0-9a-f]+ .*change$[\s\S]*^demo +running/m, /"name":"demo"[\s\S]*"name":"demo"/],
  'packages/cli/README.md': [
    /^demo +running[\s\S]*^http:\/\/\S+\/#\/demo\?ticket=\S+&readonly$/m,
    /^README$[\s\S]*^1$[\s\S]*^it failed with 3$/m,
  ],
})) {
  t.test(`what ${file} tells to type does what it says`, async (t) => {
    const app = await startApp(t, { AUTH: 'token' });
    const { key } = await makeKey(app);
    const cli = await makeCli(t, app.base, { DOCKBOX_TOKEN: key });
    const server = await startGitServer(t);
    const repository = await server.createRepository('demo');
    await repository.commit({ README: 'hello\n' });

    const blocks = (await fencedBlocks(file, 'sh')).map((block) =>
      block
        .replaceAll('dbx_…', key)
        .replaceAll('localhost:3000', app.base)
        .replaceAll('https://github.com/fastify/demo', `git::${repository.url}`),
    );
    // One shell for all, which ends at what fails; nobody types anything into it.
    const script = ['-eo', 'pipefail', '-c', blocks.join('\n')];
    const shell = spawn('env', ['--unset=NODE_OPTIONS', 'bash', ...script], {
      cwd: projectRoot,
      env: cli.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [stdout, stderr, [status]] = await Promise.all([
      text(shell.stdout),
      text(shell.stderr),
      once(shell, 'close'),
    ]);
    t.equal(status, 0, stderr);
    for (const pattern of printed) t.match(stdout, pattern);
    t.same(await app.deployment.rows(), [], 'and cleans up');
  });
}
