import type { Ledger } from './ledger.js';
import type { Options } from './options.js';

/** The figures of a run, for people. */
export function report(
  { counts, faults, violations, connectMs, outageMs }: Ledger,
  options: Options,
): string {
  const kinds = new Map<string, number>();
  for (const { kind } of faults) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  const list = (map: Map<string, number>) =>
    [...map].sort(([a], [b]) => a.localeCompare(b)).map(([name, count]) => `  ${name.padEnd(44)}${count}`);
  return [
    '',
    `seed ${options.seed}, ${options.seconds} s, ${options.replicas} servers, ${options.boxes} boxes, ${options.clients} clients`,
    `faults: ${faults.length}`,
    ...list(kinds),
    'figures:',
    ...list(counts),
    `  ${'to a first prompt'.padEnd(44)}${percentiles(connectMs)}`,
    `  ${'from a cut to the next prompt'.padEnd(44)}${percentiles(outageMs)}`,
    `violations: ${violations.length}`,
    ...violations.map((violation) => `  ${violation}`),
    ...(violations.length > 0 ? [`again with: npm run chaos -- --seed ${options.seed}`] : []),
  ].join('\n');
}

function percentiles(values: number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.floor((sorted.length - 1) * share)] ?? 0);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`;
}
