import type { Box } from 'dockbox-client';
import type { CommandArguments } from '../command.js';
import { UsageError } from '../errors.js';
import { ago, coloured, printable, printJson, printTable } from '../output.js';
import { connectService, unwrap } from '../service.js';

const DEFAULT_LIMIT = 100;
/** The most that the service gives at once. */
const PAGE = 100;

export async function run(args: CommandArguments): Promise<number> {
  const limit = parseLimit(args.text('limit'));
  const client = await connectService(args);
  const boxes: Box[] = [];
  let cursor: string | null | undefined;
  do {
    const query = { limit: Math.min(PAGE, limit - boxes.length), ...(cursor && { cursor }) };
    const page = await unwrap(client.GET('/v1/dockbox', { params: { query } }));
    boxes.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor && boxes.length < limit);

  if (args.flag('json')) printJson(boxes);
  else if (args.flag('quiet')) for (const { name } of boxes) process.stdout.write(`${name}\n`);
  else print(boxes);
  if (cursor) process.stderr.write(`There are more: list them with --limit ${limit * 10}.\n`);
  return 0;
}

function print(boxes: Box[]): void {
  const rows = boxes.map((box) =>
    [box.name, state(box), String(box.connections), ago(box.createdAt), source(box)].map(printable),
  );
  printTable([['NAME', 'STATE', 'CLIENTS', 'MADE', 'SOURCE'], ...rows], (text, row, column) => {
    if (row === 0) return coloured('bold', text);
    return column === 1 ? coloured(COLOURS[text] ?? 'reset', text) : text;
  });
}

const COLOURS: Record<string, 'green' | 'yellow' | 'red' | 'gray'> = {
  running: 'green',
  creating: 'yellow',
  failed: 'red',
  stopped: 'gray',
};

const state = ({ status, running }: Box) => (status === 'ready' ? (running ? 'running' : 'stopped') : status);

const source = ({ url, ref }: Box) => (ref ? `${url} (${ref})` : url);

function parseLimit(text = String(DEFAULT_LIMIT)): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new UsageError(`"${text}" is no number of dockboxes.`);
}
