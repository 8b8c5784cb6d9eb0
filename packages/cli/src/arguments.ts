import { parseArgs } from 'node:util';
import { COMMON, type Command, type CommandArguments } from './command.js';
import { UsageError } from './errors.js';

/** @throws {UsageError} */
export function parseCommand(name: string, command: Command, args: string[]): CommandArguments {
  const { positionals, values } = parse(command, args);
  const [least, most] = command.count;
  if (positionals.length < least && !values.help) {
    throw new UsageError(`"dockbox ${name}" needs ${command.arguments}.`);
  }
  if (positionals.length > most) {
    throw new UsageError(`"dockbox ${name}" has no use for "${positionals[most]}".`);
  }
  return {
    positionals,
    text: (option) => values[option] as string | undefined,
    flag: (option) => values[option] === true,
  };
}

function parse(
  { options }: Command,
  args: string[],
): { positionals: string[]; values: Record<string, unknown> } {
  const known = Object.entries({ ...options, ...COMMON }).map(([option, { type, short }]) => [
    option,
    { type, ...(short && { short }) },
  ]);
  try {
    return parseArgs({ args, options: Object.fromEntries(known), allowPositionals: true, strict: true });
  } catch (error) {
    // Its first sentence tells what is wrong; the others are about "--".
    const [problem = ''] = (error as Error).message.split(/\.(?:\s|$)/);
    throw new UsageError(`${problem}.`);
  }
}
