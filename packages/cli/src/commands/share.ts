import { formatLink } from 'dockbox-client';
import type { CommandArguments } from '../command.js';
import { UsageError } from '../errors.js';
import { printJson } from '../output.js';
import { connectService, unwrap } from '../service.js';

export async function run(args: CommandArguments): Promise<number> {
  const expiresIn = parseTime(args.text('expires-in'));
  const client = await connectService(args);
  const [id = ''] = args.positionals;
  const terminal = args.text('terminal');
  const share = await unwrap(
    client.POST('/v1/dockbox/{id}/shares', {
      params: { path: { id } },
      body: {
        readonly: args.flag('readonly'),
        ...(terminal !== undefined && { terminal }),
        ...(expiresIn !== undefined && { expiresIn }),
      },
    }),
  );
  if (args.flag('json')) printJson(share);
  else {
    const { ticket, readonly } = share;
    const link = formatLink({ baseUrl: client.baseUrl, box: id, terminal, ticket, readonly });
    process.stdout.write(`${link}\n`);
  }
  return 0;
}

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** A span of time in seconds, such as "2h". @throws {UsageError} */
function parseTime(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, count, unit = 's'] = /^(\d{1,9})([smhd])?$/.exec(text) ?? [];
  if (count === undefined) throw new UsageError(`"${text}" is no time: say 90s, 30m, 2h or 7d.`);
  return Number(count) * (SECONDS[unit] ?? 1);
}
