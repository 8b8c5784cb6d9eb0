import { parseArgs } from 'node:util';
import { makeDeployment } from '../test/helpers/deployment.js';
import { makeFleet, readyNodes } from '../test/helpers/fleet.js';
import { RunScope, type Scope } from '../test/helpers/scope.js';
import { failures, type Options, report } from './report.js';
import { roll } from './run.js';
import { ReplicatedService } from './service.js';

const ENGINES = ['single', 'swarm'] as const;
type Engine = (typeof ENGINES)[number];
const isEngine = (name: string): name is Engine => (ENGINES as readonly string[]).includes(name);

const DEFAULTS = { terminals: 50, boxes: 5, 'check-seconds': 5, 'notice-seconds': 12, 'drain-seconds': 10 };

const USAGE = `npm run roll -- [options]

  --engine NAME       what boxes run on: this machine's engine (single), or a swarm of three nodes (swarm)
  --terminals N       clients that type (${DEFAULTS.terminals})
  --boxes N           boxes that they are in (${DEFAULTS.boxes})
  --check-seconds N   between health checks of the proxy (${DEFAULTS['check-seconds']}, the least that an ALB takes)
  --notice-seconds N  DRAIN_NOTICE_SECONDS of the replicas (${DEFAULTS['notice-seconds']})
  --drain-seconds N   DRAIN_SECONDS of the replicas (${DEFAULTS['drain-seconds']})`;

/** Rolls as its arguments say. @returns the exit status: 1 when anything was lost */
export async function main(args: string[]): Promise<number> {
  const { engine, ...options } = parse(args);
  const scope = new RunScope();
  const interrupted = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => reject(new Error('Interrupted: what was made is removed.')));
    }
  });
  try {
    const result = await Promise.race([interrupted, run(scope, engine, options)]);
    console.log(`\n${report(result, options)}`);
    return Object.values(failures(result)).some((count) => count > 0) ? 1 : 0;
  } finally {
    for (const problem of await scope.end()) console.error(problem.message);
  }
}

async function run(scope: Scope, engine: Engine, options: Options) {
  const { deployment } =
    engine === 'swarm' ? await makeFleet(scope) : { deployment: await makeDeployment(scope) };
  const service = await ReplicatedService.start(scope, deployment, options);
  if (engine === 'swarm') await readyNodes(service, deployment.engines.length);
  return roll(scope, service, options, console.log);
}

function parse(args: string[]): Options & { engine: Engine } {
  const text = { type: 'string' } as const;
  const options = {
    engine: text,
    terminals: text,
    boxes: text,
    'check-seconds': text,
    'notice-seconds': text,
    'drain-seconds': text,
  };
  let values: Partial<Record<keyof typeof options, string>>;
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
  const { engine = 'single' } = values;
  if (!isEngine(engine)) throw new Error(`--engine is none of ${ENGINES.join(', ')}\n\n${USAGE}`);
  return {
    engine,
    terminals: number('terminals'),
    boxes: number('boxes'),
    checkSeconds: number('check-seconds'),
    noticeSeconds: number('notice-seconds'),
    drainSeconds: number('drain-seconds'),
  };
}
