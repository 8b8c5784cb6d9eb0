import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { projectRoot } from '../../lib/paths.js';

/** The fenced blocks of a language in a file of the project's documentation, in order. */
export async function fencedBlocks(file: string, language: string): Promise<string[]> {
  const text = await readFile(path.join(projectRoot, file), 'utf8');
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter(([, name]) => name === language)
    .map(([, , block = '']) => block);
}
