import { copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { projectRoot } from '../../lib/paths.js';
import type { Scope } from './scope.js';

const OURS = path.join(projectRoot, 'migrations');

/** A version that no migration of ours has. */
export const NEXT = 990;

/** What a next version may do to the schema, as the migration that does it. */
export const NEXT_MIGRATION = {
  [`${NEXT}.do.next.sql`]: `
    alter table dockbox add column colour text not null default 'blue';
    alter table connection add column colour text;
    create table thing ();`,
};

export const versionOf = (file: string) => Number.parseInt(file, 10);

/** The files of our migrations, in their order. */
export async function ourMigrations(): Promise<string[]> {
  const files = await readdir(OURS);
  return files.filter((file) => file.endsWith('.sql')).sort((a, b) => versionOf(a) - versionOf(b));
}

/** A directory with our migrations up to a version, and others by their files' names. */
export async function makeMigrations(
  t: Scope,
  upTo: number,
  others: Record<string, string> = {},
): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'dockbox-migrations-'));
  t.teardown(() => rm(directory, { recursive: true }));
  for (const file of await ourMigrations()) {
    if (versionOf(file) <= upTo) await copyFile(path.join(OURS, file), path.join(directory, file));
  }
  for (const [name, sql] of Object.entries(others)) await writeFile(path.join(directory, name), sql);
  return directory;
}
