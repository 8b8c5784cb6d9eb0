import type { CommandArguments } from '../arguments.js';
import { UsageError } from '../errors.js';
import { connectService } from '../service.js';

export async function run(args: CommandArguments): Promise<number> {
  const [box = ''] = args.positionals;
  const options = { box, terminal: args.text('terminal'), readonly: args.flag('readonly') };
  const isPerson = process.stdin.isTTY;
  if (!isPerson && (options.terminal !== undefined || options.readonly)) {
    throw new UsageError(
      'What is piped in runs in a shell of its own: leave out --terminal and --readonly, or run this in a terminal.',
    );
  }
  const client = await connectService(args);
  if (!isPerson) return (await import('../terminal/piped.js')).runPiped(client, box);
  return (await import('../terminal/interactive.js')).interact(client, options);
}
