import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { projectRoot } from '../../../lib/paths.js';
import { startApp } from '../../helpers/app.js';
import { tarGz } from '../../helpers/archives.js';
import { serve, startHttpServer } from '../../helpers/http-server.js';

const run = promisify(execFile);

/** OpenAPI Generator, of the last release that npm has whole: later packages load it from elsewhere. */
const GENERATOR = path.join(
  projectRoot,
  'node_modules/@openapitools/openapi-generator-cli/bin/openapi-generator.jar',
);

/** Runs a development dependency's program, without what tap loads into every Node that a test starts. */
const npx = (...command: string[]) =>
  run('env', ['--unset=NODE_OPTIONS', 'npx', ...command], { cwd: projectRoot });

/** What a user of the client in TypeScript writes: it has to compile against it. */
const TYPESCRIPT = `
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

/** And of the one in Python. */
const PYTHON = `
import json, sys
from openapi_client import ApiClient, ApiException, BoxesApi, Configuration, CreateDockboxRequest

base_url, url = sys.argv[1:]
boxes = BoxesApi(ApiClient(Configuration(host=base_url)))
made = boxes.create_dockbox(CreateDockboxRequest(url=url, name='other'))
got = boxes.get_dockbox('other')
page = boxes.list_dockboxes(limit=1)
boxes.delete_dockbox(got.id)
try:
    boxes.get_dockbox('other')
except ApiException as error:
    missing = json.loads(error.body)['code']
print(json.dumps([got.id == made.id, got.status, len(page.items), page.next_cursor, missing]))
`;

const STRICT =
  '--strict --module nodenext --target es2023 --lib es2023,dom --types node --ignoreConfig'.split(' ');

t.test('another generator makes a client of the document that works', async (t) => {
  const { base, url, document, file } = await arrange(t);
  await writeFile(file('openapi.json'), JSON.stringify(document));
  await writeFile(file('program.ts'), TYPESCRIPT);

  await npx('oazapfts', file('openapi.json'), file('client.ts'));
  await npx('tsc', ...STRICT, file('program.ts'));
  const { stdout } = await run(process.execPath, [file('program.js'), base, url]);

  t.same(JSON.parse(stdout), [true, 'ready', 204, 404, 200]);
});

t.test('and one in another language, of the generator that most people know', async (t) => {
  const { base, url, document, file } = await arrange(t);
  await writeFile(file('openapi.json'), JSON.stringify(asVersion30(document)));
  await writeFile(file('program.py'), PYTHON);

  await run('java', [
    '-jar',
    GENERATOR,
    'generate',
    '-g',
    'python',
    '-i',
    file('openapi.json'),
    '-o',
    file('.'),
  ]);
  const { stdout } = await run('/usr/bin/python3', [file('program.py'), base, url]);

  t.same(JSON.parse(stdout), [true, 'ready', 1, null, 'DBX_NOT_FOUND']);
});

/** A service, something to make a box of, the service's document, and a directory for what is generated. */
async function arrange(t: Test) {
  const { base } = await startApp(t);
  const source = await startHttpServer(t, serve({ '/a.tar.gz': tarGz([{ name: 'a', content: 'a' }]) }));
  // Below the project, so that what it imports is found.
  const directory = await mkdtemp(path.join(projectRoot, 'build', 'generated-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const document: unknown = await (await fetch(`${base}/openapi.json`)).json();
  return {
    ...{ base, url: `${source.url}/a.tar.gz`, document },
    file: (name: string) => path.join(directory, name),
  };
}

/**
 * An OpenAPI 3.1 document for a generator that reads 3.0 (https://spec.openapis.org/oas/v3.0.3): it says in another way
 * what may be null, and names no licence by its identifier.
 */
function asVersion30(document: unknown): unknown {
  const isNull = (schema: { type?: string }) => schema.type === 'null';
  return JSON.parse(JSON.stringify(document), (key, value) => {
    if (key === 'openapi') return '3.0.3';
    if (key === 'license') return { name: value.name };
    // The body of an answer that has none.
    if (value?.schema && isNull(value.schema)) return undefined;
    if (!value?.anyOf?.some(isNull)) return value;
    const { anyOf, ...rest } = value;
    const others = anyOf.filter((schema: object) => !isNull(schema));
    return { ...rest, ...(others.length === 1 ? others[0] : { anyOf: others }), nullable: true };
  });
}
