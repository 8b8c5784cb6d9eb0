import { parseArgs } from 'node:util';

export type Options = {
  seed: number;
  /** For how long faults are injected, in seconds; what comes before and after takes a minute more. */
  seconds: number;
  replicas: number;
  /** How many boxes there are at a time. */
  boxes: number;
  clients: number;
  /** Where the servers' and the engine's logs are kept; thrown away unless given. */
  logs?: string | undefined;
};

const DEFAULTS = { seconds: 120, replicas: 3, boxes: 24, clients: 12 };

export const USAGE = `npm run chaos -- [options]

  --seed N      repeats the choices of another run (one that failed prints its seed)
  --seconds N   for how long faults are injected (${DEFAULTS.seconds})
  --replicas N  server processes (${DEFAULTS.replicas})
  --boxes N     boxes at a time (${DEFAULTS.boxes})
  --clients N   clients at a time (${DEFAULTS.clients})
  --logs DIR    keep the servers' and the engine's logs there`;

/** @throws with the usage when an argument is not one of ours, or not a number */
export function parseOptions(args: string[]): Options {
  const text = { type: 'string' } as const;
  const options = { seed: text, seconds: text, replicas: text, boxes: text, clients: text, logs: text };
  let values: Partial<Record<keyof typeof options, string>>;
  try {
    ({ values } = parseArgs({ args, options }));
  } catch (error) {
    throw new Error(`${(error as Error).message}\n\n${USAGE}`);
  }
  const number = (name: 'seed' | keyof typeof DEFAULTS, fallback: number) => {
    const value = Number(values[name] ?? fallback);
    if (!Number.isInteger(value) || value < 0) throw new Error(`--${name} is not a number\n\n${USAGE}`);
    return value;
  };
  return {
    seed: number('seed', Math.floor(Math.random() * 1e6)),
    seconds: number('seconds', DEFAULTS.seconds),
    replicas: number('replicas', DEFAULTS.replicas),
    boxes: number('boxes', DEFAULTS.boxes),
    clients: number('clients', DEFAULTS.clients),
    logs: values.logs,
  };
}
