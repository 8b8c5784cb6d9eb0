/** One line of the report. */
export type Figure = {
  what: string;
  unit: string;
  /** Without dockbox; undefined where that means nothing. */
  floor?: number | undefined;
  dockbox: number;
  /** The median of the rounds' own ratios: a load that comes and goes slows both sides of a round. */
  ratio?: number | undefined;
  target?: Target | undefined;
};

export type Target = { text: string; isMet(figure: Figure): boolean };

export const atMostTimes = (limit: number): Target => ({
  text: `≤ ${limit}x`,
  isMet: ({ ratio = 0 }) => ratio <= limit,
});

export const atLeastTimes = (limit: number): Target => ({
  text: `≥ ${limit}x`,
  isMet: ({ ratio = 0 }) => ratio >= limit,
});

export const atMost = (limit: number, unit: string): Target => ({
  text: `≤ ${limit} ${unit}`,
  isMet: ({ dockbox }) => dockbox <= limit,
});

/** Within so much of the floor, in the figure's unit. */
export const within = (margin: number, unit: string): Target => ({
  text: `≤ floor + ${margin} ${unit}`,
  isMet: ({ dockbox, floor = 0 }) => dockbox - floor <= margin,
});

export const both = (one: Target, other: Target): Target => ({
  text: `${one.text}, ${other.text}`,
  isMet: (figure) => one.isMet(figure) && other.isMet(figure),
});

/** The value below which so much, from 0 to 1, of the samples lie. */
export function quantile(samples: readonly number[], part: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

export const median = (samples: readonly number[]) => quantile(samples, 0.5);

/**
 * Runs both sides in rounds, and each side first in every other round.
 * @returns what each side gave, by round
 */
export async function alternate<Sample>(
  rounds: number,
  floor: () => Promise<Sample>,
  dockbox: () => Promise<Sample>,
): Promise<{ floor: Sample[]; dockbox: Sample[] }> {
  const samples: { floor: Sample[]; dockbox: Sample[] } = { floor: [], dockbox: [] };
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) samples.floor.push(await floor());
    samples.dockbox.push(await dockbox());
    if (round % 2 === 1) samples.floor.push(await floor());
  }
  return samples;
}

/** The figure of a measure that was taken on both sides, from one number of each round. */
export function compare(
  what: string,
  unit: string,
  samples: { floor: number[]; dockbox: number[] },
  target?: Target,
): Figure {
  const ratios = samples.dockbox.map((value, round) => value / (samples.floor[round] ?? Number.NaN));
  return {
    ...{ what, unit, target },
    floor: median(samples.floor),
    dockbox: median(samples.dockbox),
    ratio: median(ratios),
  };
}
