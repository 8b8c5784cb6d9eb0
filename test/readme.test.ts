import { readFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { ConfigSchema } from '../lib/config.js';
import { projectRoot } from '../lib/paths.js';

t.test('the table of variables has them all, with their defaults', async (t) => {
  const readme = await readFile(path.join(projectRoot, 'README.md'), 'utf8');
  const [, configuration = ''] = readme.split('\n## Configuration\n');
  const documented: Record<string, string | undefined> = {};
  for (const row of configuration
    .split('\n## ')[0]
    ?.split('\n')
    .filter((line) => /^\| `[A-Z_]+`/.test(line)) ?? []) {
    const [names = '', defaults = ''] = row.split('|').slice(1, 3);
    // A row may be about several variables, with a default each or one for all.
    const values = defaults.split(',').map((value) => value.replaceAll('`', '').trim());
    for (const [index, name] of (names.match(/[A-Z_]{2,}/g) ?? []).entries()) {
      documented[name] = values[index] ?? values[0];
    }
  }
  const required = new Set<string>(ConfigSchema.required);
  const defaults = Object.entries(ConfigSchema.properties as Record<string, { default?: unknown }>).map(
    ([name, { default: value }]) => {
      if (value === undefined) return [name, required.has(name) ? 'required' : '-'];
      return [name, value === '' ? 'none' : String(value)];
    },
  );
  t.same(documented, Object.fromEntries(defaults));
});
