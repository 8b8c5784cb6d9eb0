import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { projectRoot } from '../../../lib/paths.js';
import { startApp } from '../../helpers/app.js';
import { tarGz } from '../../helpers/archives.js';
import { serve, startHttpServer } from '../../helpers/http-server.js';

const run = promisify(execFile);

/** Runs a development dependency's program, without what tap loads into every Node that a test starts. */
const npx = (...command: string[]) =>
  run('env', ['--unset=NODE_OPTIONS', 'npx', ...command], { cwd: projectRoot });

/** What a user of the generated client writes: it has to compile against it. */
const PROGRAM = `
import { createDockbox, defaults, deleteDockbox, getDockbox, listDockboxes } from './client.js';

const [baseUrl = '', url = ''] = process.argv.slice(2);
defaults.baseUrl = baseUrl;
const made = await createDockbox({ url, name: 'other' }, {});
if (made.status !== 201) throw new Error(JSON.stringify(made));
const got = await getDockbox('other');
if (got.status !== 200) throw new Error(JSON.stringify(got));
const { id, status } = got.data;
const deleted = await deleteDockbox(made.data.id);
const missing = await getDockbox('other');
const rest = await listDockboxes();
console.log(JSON.stringify([id === made.data.id, status, deleted.status, missing.status, rest.status]));
`;

const STRICT =
  '--strict --module nodenext --target es2023 --lib es2023,dom --types node --ignoreConfig'.split(' ');

t.test('another generator makes a client of the document that works', async (t) => {
  const app = await startApp(t);
  const source = await startHttpServer(t, serve({ '/a.tar.gz': tarGz([{ name: 'a', content: 'a' }]) }));
  // Below the project, so that what it imports is found.
  const directory = await mkdtemp(path.join(projectRoot, 'build', 'generated-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const file = (name: string) => path.join(directory, name);
  const document = await fetch(`${app.base}/openapi.json`);
  await writeFile(file('openapi.json'), await document.text());
  await writeFile(file('program.ts'), PROGRAM);

  await npx('oazapfts', file('openapi.json'), file('client.ts'));
  await npx('tsc', ...STRICT, file('program.ts'));
  const { stdout } = await run(process.execPath, [file('program.js'), app.base, `${source.url}/a.tar.gz`]);

  t.same(JSON.parse(stdout), [true, 'ready', 204, 404, 200]);
});
