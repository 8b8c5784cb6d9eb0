// Prints problems of the OpenAPI document that the routes' schemas make; leaves it in build/openapi.json.
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

const { status } = spawnSync('npx', ['redocly', 'lint', file], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' },
});
process.exitCode = status ?? 1;
