import { parseArgs } from 'node:util';

/** What can be measured, by the names that `--only` takes. */
export const MEASURES = [
  'echo',
  'output',
  'paste',
  'slow-reader',
  'idle',
  'connect',
  'create',
  'peers',
] as const;
export type MeasureName = (typeof MEASURES)[number];

const USAGE = `Usage: npm run bench -- [options]

  --only NAMES     measure these only, comma-separated: ${MEASURES.join(', ')}
  --rounds N       rounds of floor and dockbox; figures are medians over them (5)
  --terminals N    idle terminals to open (100)
  --peers          install wetty and shellinabox below build/, and compare with them as well; needs root and the docker CLI
  --quick          a tenth of the work, in one round: shows that it runs, not how fast
  --json FILE      write the figures there as well`;

export type Options = {
  only: readonly MeasureName[];
  rounds: number;
  terminals: number;
  /** What amounts of work are multiplied by. */
  scale: number;
  /** Whether to compare with programs that are installed for it. */
  peers: boolean;
  json?: string | undefined;
};

/** Reads the command line. @throws with how to use it */
export function readOptions(args: string[]): Options {
  const { values } = parse(args);
  const { quick, json } = values;
  const only = values.only?.split(',') ?? MEASURES;
  const unknown = only.filter((name) => !MEASURES.includes(name as MeasureName));
  if (unknown.length > 0) throw new Error(`There is no measure "${unknown.join('", "')}".\n\n${USAGE}`);
  return {
    only: only as MeasureName[],
    rounds: count('rounds', values.rounds, quick ? 1 : 5),
    terminals: count('terminals', values.terminals, quick ? 10 : 100),
    scale: quick ? 0.1 : 1,
    peers: values.peers,
    json,
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        only: { type: 'string' },
        rounds: { type: 'string' },
        terminals: { type: 'string' },
        peers: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        json: { type: 'string' },
      },
    });
  } catch (error) {
    throw new Error(`${(error as Error).message}\n\n${USAGE}`);
  }
}

function count(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new Error(`--${name} takes a number from 1 to 9999.\n\n${USAGE}`);
  return Number(text);
}
