import { COMMON, type Command, type Option } from './command.js';
import { COMMANDS } from './commands.js';

const ENVIRONMENT = `\
Environment:
  DOCKBOX_URL    the service's address, rather than the one that login was given
  DOCKBOX_TOKEN  an API key, rather than the one that login was given
  DOCKBOX_SOURCE_TOKEN
                 what may read a private source, for "new --credentials"
  NO_COLOR       print without colours
`;

/** What `dockbox --help` prints. */
export function generalHelp(): string {
  const commands = Object.entries(COMMANDS).map(
    ([name, { arguments: args, summary }]) => [`${name} ${args}`.trim(), summary] as const,
  );
  return `\
Usage: dockbox COMMAND [OPTIONS]

Opens dockboxes: the address of a source repository in, a live terminal out.

Commands:
${columns(commands)}
"dockbox COMMAND --help" tells about a command, "dockbox --version" the version.
In a terminal, ~? at the beginning of a line tells about its escapes; ~. leaves.

${ENVIRONMENT}`;
}

/** What `dockbox COMMAND --help` prints. */
export function commandHelp(name: string, { arguments: args, summary, options }: Command): string {
  const lines = Object.entries({ ...options, ...COMMON }).map(
    ([option, described]) => [optionName(option, described), described.summary] as const,
  );
  return `\
Usage: dockbox ${`${name} ${args}`.trim()} [OPTIONS]

${summary[0]?.toUpperCase()}${summary.slice(1)}.

Options:
${columns(lines)}`;
}

const optionName = (name: string, { short, value }: Option) =>
  `${short ? `-${short}, ` : '    '}--${name}${value ? ` ${value}` : ''}`;

function columns(rows: (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join('');
}
