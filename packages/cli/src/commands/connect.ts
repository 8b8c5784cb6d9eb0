import { parseLink } from 'dockbox-client';
import type { CommandArguments } from '../command.js';
import { UsageError } from '../errors.js';
import { connectService } from '../service.js';

export async function run(args: CommandArguments): Promise<number> {
  const [given = ''] = args.positionals;
  const link = parseLink(given);
  const options = {
    box: link?.box ?? given,
    terminal: args.text('terminal') ?? link?.terminal,
    readonly: args.flag('readonly') || link?.readonly === true,
  };
  const isPerson = process.stdin.isTTY;
  if (!isPerson && (options.terminal !== undefined || options.readonly)) {
    throw new UsageError(
      'What is piped in runs in a shell of its own: leave out --terminal and --readonly, or run this in a terminal.',
    );
  }
  const client = await connectService(args, link);
  if (!isPerson) return (await import('../terminal/piped.js')).runPiped(client, options.box);
  return (await import('../terminal/interactive.js')).interact(client, options);
}
