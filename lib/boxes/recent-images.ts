import type { Source } from '../sources/parse.js';

/** How many sources are remembered. */
const MAX_SOURCES = 1000;

/** How many of them tell what a new one will be. */
const SAMPLE = 20;

/** The part of them that makes a guess worth its while: one that was right saves some 250 ms, one that was wrong costs 100. */
const WORTHWHILE = 1 / 3;

/**
 * Which image a source's last box got here, to start the next one's container before its files are there to tell. No more
 * than a guess: a source changes, and other servers know other sources.
 */
export class RecentImages {
  /** Those noted last come last. */
  readonly #images = new Map<string, { image: string; owner: string }>();

  /** The image of a source's last box and whose that was; undefined when it is not remembered. */
  of(source: Source): { image: string; owner: string } | undefined {
    return this.#images.get(keyOf(source));
  }

  /** The image that a source will probably get that is not remembered; undefined when they have been too different. */
  likely(): string | undefined {
    const recent = [...this.#images.values()].slice(-SAMPLE);
    const counts = new Map<string, number>();
    for (const { image } of recent) counts.set(image, (counts.get(image) ?? 0) + 1);
    const [image, count = 0] = [...counts].sort(([, one], [, other]) => other - one)[0] ?? [];
    return count >= recent.length * WORTHWHILE ? image : undefined;
  }

  note(source: Source, image: string, owner: string): void {
    const key = keyOf(source);
    this.#images.delete(key);
    this.#images.set(key, { image, owner });
    const [oldest] = this.#images.keys();
    if (this.#images.size > MAX_SOURCES && oldest !== undefined) this.#images.delete(oldest);
  }
}

const keyOf = ({ url, ref, directory }: Source) => JSON.stringify([url, ref, directory]);
