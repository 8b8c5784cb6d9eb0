import type { CommandArguments } from '../command.js';
import { connectService, unwrap } from '../service.js';
import { toEach } from './each.js';

export async function run(args: CommandArguments): Promise<number> {
  const client = await connectService(args);
  return toEach(args.positionals, (id) =>
    unwrap(client.POST('/v1/dockbox/{id}/stop', { params: { path: { id } } })),
  );
}
