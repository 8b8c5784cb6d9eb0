import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { CommandError } from './errors.js';

/** What `dockbox login` keeps. */
export type Config = {
  /** The service's address. */
  url?: string | undefined;
  /** API keys by the address of the service that they are for, so that none is sent to another. */
  tokens: Record<string, string>;
};

/** Where it is: below XDG_CONFIG_HOME (https://specifications.freedesktop.org/basedir-spec/latest/). */
export function configFile(env: NodeJS.ProcessEnv = process.env): string {
  const given = env.XDG_CONFIG_HOME ?? '';
  const home = path.isAbsolute(given) ? given : path.join(os.homedir(), '.config');
  return path.join(home, 'dockbox', 'config.json');
}

/** @throws {CommandError} when it can't be read, or makes no sense */
export async function readConfig(): Promise<Config> {
  const file = configFile();
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { tokens: {} };
    throw new CommandError(`The configuration can't be read: ${message}`);
  }
  try {
    const { url, tokens } = JSON.parse(text);
    return { ...(typeof url === 'string' && { url }), tokens: { ...tokens } };
  } catch {
    throw new CommandError(`${file} is no JSON: mend it, or remove it and run "dockbox login".`);
  }
}

/** Writes it whole or not at all, for nobody else to read. @throws {CommandError} */
export async function writeConfig(config: Config): Promise<void> {
  const file = configFile();
  const draft = `${file}.${randomUUID()}`;
  try {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(draft, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
    await rename(draft, file);
  } catch (error) {
    throw new CommandError(`The configuration can't be written: ${(error as Error).message}`);
  }
}
