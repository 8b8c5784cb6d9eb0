import { existsSync } from 'node:fs';
import path from 'node:path';
import { install, mayInstall } from './run.js';

/** What Chromium is called: by Debian, by others, and with its maker's name. */
const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome'];

/** The program of a Chromium that is on the PATH; undefined when there is none. */
export function findBrowser(): string | undefined {
  const directories = (process.env.PATH ?? '').split(path.delimiter);
  const candidates = PROGRAMS.flatMap((name) => directories.map((directory) => path.join(directory, name)));
  return candidates.find((file) => existsSync(file));
}

/**
 * Sees to it that the tests have a browser.
 * @throws on a Debian machine where we are root and it can't be had; elsewhere the tests that need it are skipped
 */
export async function ensureBrowser(): Promise<void> {
  if (!findBrowser() && (await mayInstall())) await install('chromium');
}
