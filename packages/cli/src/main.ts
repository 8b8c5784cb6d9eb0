#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { parseCommand } from './arguments.js';
import { COMMANDS } from './commands.js';
import { CommandError, UsageError } from './errors.js';
import { commandHelp, generalHelp } from './help.js';
import { printable } from './output.js';
import { restoreLocalTerminal } from './terminal/local.js';

/** 128 and SIGPIPE's number, as shells have it. */
const BROKEN_PIPE = 141;

process.on('uncaughtException', fail);
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(BROKEN_PIPE);
  fail(error);
});
try {
  const status = await main(process.argv.slice(2));
  // What is printed into a pipe may be on its way.
  process.stdout.write('', () => process.exit(status));
} catch (error) {
  fail(error as Error);
}

async function main([name, ...args]: string[]): Promise<number> {
  if (name === undefined) throw new UsageError('There is no command. Try "dockbox --help".');
  if (name === 'help' && args[0] !== undefined) return main([args[0], '--help']);
  if (name === '--help' || name === '-h' || name === 'help') return print(generalHelp());
  if (name === '--version') return print(`${version()}\n`);
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) throw new UsageError(`There is no command "${name}". Try "dockbox --help".`);
  const parsed = parseCommand(name, command, args);
  if (parsed.flag('help')) return print(commandHelp(name, command));
  const { run } = await command.load();
  return run(parsed);
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

/** The package's. */
function version(): string {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
}

function fail(error: Error): never {
  restoreLocalTerminal();
  process.stderr.write(`dockbox: ${printable(error.message.replaceAll('\n', ' '))}\n`);
  process.exit(error instanceof CommandError ? error.status : 1);
}
