import type { Source } from '../sources/parse.js';

/** How many sources are remembered. */
const MAX_SOURCES = 1000;

/**
 * Which image a source's last box got here, to start the next one's container before its files are there to tell. No more
 * than a guess: a source changes, and other servers know other sources.
 */
export class RecentImages {
  /** Those noted last come last. */
  readonly #images = new Map<string, string>();

  /** The image of a source's last box; undefined when it is not remembered. */
  of(source: Source): string | undefined {
    return this.#images.get(keyOf(source));
  }

  note(source: Source, image: string): void {
    const key = keyOf(source);
    this.#images.delete(key);
    this.#images.set(key, image);
    const [oldest] = this.#images.keys();
    if (this.#images.size > MAX_SOURCES && oldest !== undefined) this.#images.delete(oldest);
  }
}

const keyOf = ({ url, ref, directory }: Source) => JSON.stringify([url, ref, directory]);
