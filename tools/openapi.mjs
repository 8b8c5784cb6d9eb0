// Prints problems of the OpenAPI document that the routes' schemas make, and leaves it in build/openapi.json. The client's types
// have to be those of the document; `--write` makes them so.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import autoload from '@fastify/autoload';
import Fastify from 'fastify';
import { root } from './prepare.mjs';

const build = path.join(root, 'build');
const app = Fastify();
// Routes alone, without what they call: the document is made from their schemas.
for (const plugin of ['swagger', 'errors', 'validation'])
  await app.register((await import(`${build}/plugins/${plugin}.js`)).default);
await app.register(autoload, { dir: path.join(build, 'routes') });
await app.ready();
const file = path.join(build, 'openapi.json');
writeFileSync(file, `${JSON.stringify(app.swagger(), null, 2)}\n`);
await app.close();

const lint = run('npx', ['redocly', 'lint', file]);
const check = process.argv.includes('--write') ? [] : ['--', '--check'];
const types = run('npm', ['run', '--silent', '--workspace=packages/client', 'generate', ...check]);
if (types !== 0) {
  console.error("The client's types are not those of the document: npm run openapi -- --write renews them.");
}
process.exitCode = lint || types;

function run(command, args) {
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
  return spawnSync(command, args, { cwd: root, stdio: 'inherit', env }).status ?? 1;
}
