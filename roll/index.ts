import { parseArgs } from 'node:util';
import { RunScope } from '../test/helpers/scope.js';
import { failures, report } from './report.js';
import { type Options, roll } from './run.js';

const DEFAULTS = { terminals: 50, boxes: 5, 'check-seconds': 5, 'notice-seconds': 12, 'drain-seconds': 10 };

const USAGE = `npm run roll -- [options]

  --terminals N       clients that type (${DEFAULTS.terminals})
  --boxes N           boxes that they are in (${DEFAULTS.boxes})
  --check-seconds N   between health checks of the proxy (${DEFAULTS['check-seconds']}, the least that an ALB takes)
  --notice-seconds N  DRAIN_NOTICE_SECONDS of the replicas (${DEFAULTS['notice-seconds']})
  --drain-seconds N   DRAIN_SECONDS of the replicas (${DEFAULTS['drain-seconds']})`;

/** Rolls as its arguments say. @returns the exit status: 1 when anything was lost */
export async function main(args: string[]): Promise<number> {
  const options = parse(args);
  const scope = new RunScope();
  const interrupted = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => reject(new Error('Interrupted: what was made is removed.')));
    }
  });
  try {
    const result = await Promise.race([interrupted, roll(scope, options, console.log)]);
    console.log(`\n${report(result, options)}`);
    return Object.values(failures(result)).some((count) => count > 0) ? 1 : 0;
  } finally {
    for (const problem of await scope.end()) console.error(problem.message);
  }
}

function parse(args: string[]): Options {
  const text = { type: 'string' } as const;
  const options = {
    terminals: text,
    boxes: text,
    'check-seconds': text,
    'notice-seconds': text,
    'drain-seconds': text,
  };
  let values: Partial<Record<keyof typeof DEFAULTS, string>>;
  try {
    ({ values } = parseArgs({ args, options }));
  } catch (error) {
    throw new Error(`${(error as Error).message}\n\n${USAGE}`);
  }
  const number = (name: keyof typeof DEFAULTS) => {
    const value = Number(values[name] ?? DEFAULTS[name]);
    if (!(value >= 0)) throw new Error(`--${name} is not a number\n\n${USAGE}`);
    return value;
  };
  return {
    terminals: number('terminals'),
    boxes: number('boxes'),
    checkSeconds: number('check-seconds'),
    noticeSeconds: number('notice-seconds'),
    drainSeconds: number('drain-seconds'),
  };
}
