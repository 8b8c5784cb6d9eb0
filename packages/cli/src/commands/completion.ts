import type { CommandArguments } from '../command.js';
import { COMPLETIONS } from '../completion.js';
import { UsageError } from '../errors.js';

export async function run({ positionals: [shell = ''] }: CommandArguments): Promise<number> {
  const script = Object.hasOwn(COMPLETIONS, shell) ? COMPLETIONS[shell] : undefined;
  if (!script) throw new UsageError(`There is no completion for "${shell}": say bash, zsh or fish.`);
  process.stdout.write(script());
  return 0;
}
