import { availableParallelism, loadavg } from 'node:os';
import type { Crowd, Result } from './run.js';
import type { Timing } from './service.js';
import type { Outcome } from './typist.js';

export type Options = Crowd & Timing;

const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);

/** What clients have lost without being told. */
export function losses(outcomes: Outcome[]) {
  return {
    lostKeystrokes: sum(outcomes.map(({ lost, told }) => Math.max(0, lost - told))),
    disordered: outcomes.filter(({ disordered }) => disordered).length,
    lostShells: outcomes.filter(({ shellLost }) => shellLost).length,
  };
}

/** What should be 0: that, and those who were turned away. */
export function failures({ outcomes, visits }: Result) {
  return { ...losses(outcomes), refused: sum([...visits.refused.values()]) };
}

/** The figures of a run, for people. */
export function report(
  result: Result,
  { terminals, boxes, checkSeconds, noticeSeconds, drainSeconds }: Options,
): string {
  const { outcomes, visits, rollMs } = result;
  const { lostKeystrokes, disordered, lostShells, refused } = failures(result);
  const awayMs = outcomes.flatMap((outcome) => outcome.awayMs);
  const rows: [string, string | number][] = [
    ['terminals, boxes', `${terminals}, ${boxes}`],
    ['health checks every, notice, drain', `${checkSeconds} s, ${noticeSeconds} s, ${drainSeconds} s`],
    ['load of the last minute, processors', `${loadavg()[0]?.toFixed(1)}, ${availableParallelism()}`],
    ['both replicas replaced in', `${(rollMs / 1000).toFixed(1)} s`],
    ['keystrokes', sum(outcomes.map(({ typed }) => typed))],
    ['  lost', lostKeystrokes],
    ['  of which the client was told that they may be', sum(outcomes.map(({ told }) => told))],
    ['  and that were', sum(outcomes.map(({ lost }) => lost))],
    ['terminals with keystrokes twice or disordered', disordered],
    ['shells lost', lostShells],
    ['reconnects', awayMs.length],
    ['  away', percentiles(awayMs)],
    ['newcomers: calls, terminals', `${visits.calls}, ${visits.connects}`],
    ['  turned away', refused],
    ...[...visits.refused].map(([why, count]): [string, number] => [`    ${why}`, count]),
    ...outcomes.flatMap(({ ended }): [string, string][] => (ended ? [['a terminal ended', ended]] : [])),
  ];
  return rows.map(([name, value]) => `${name.padEnd(50)}${value}`).join('\n');
}

function percentiles(values: number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.floor((sorted.length - 1) * share)] ?? 0);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms`;
}
