import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { projectRoot } from '../../../lib/paths.js';
import { startApp } from '../../helpers/app.js';
import { startGitServer } from '../../helpers/git-server.js';
import { fencedBlocks } from '../../helpers/readme.js';

const run = promisify(execFile);

t.test('the examples of the README print what they say', async (t) => {
  const app = await startApp(t);
  const server = await startGitServer(t);
  const repository = await server.createRepository('demo');
  await repository.commit({ README: 'hello\n' });
  const directory = await mkdtemp(path.join(projectRoot, 'build', 'examples-'));
  t.teardown(() => rm(directory, { recursive: true }));

  const blocks = await fencedBlocks('packages/client/README.md', 'js');
  t.equal(blocks.length, 2);
  for (const [index, block] of blocks.entries()) {
    const file = path.join(directory, `${index}.mjs`);
    const program = block
      .replaceAll('http://localhost:3000', app.base)
      .replaceAll('https://github.com/fastify/demo', `git::${repository.url}`);
    await writeFile(file, program);
    const { stdout } = await run(process.execPath, [file]);
    const promised = [...block.matchAll(/^console\.log\(.*\); \/\/ (.*)$/gm)].map(([, text]) => text);
    t.ok(promised.length > 1);
    t.same(stdout.trimEnd().split('\n'), promised);
  }
});
