/** Bytes of progress kept for a terminal that connects late. */
const HISTORY_BYTES = 64 * 1024;

type Listener = (text: string) => void;

/** What a creation reports, kept so that whoever asks late is told from the start. */
export class Progress {
  #history = '';
  readonly #listeners = new Set<Listener>();

  report(text: string): void {
    this.#history = (this.#history + text).slice(-HISTORY_BYTES);
    for (const listener of this.#listeners) listener(text);
  }

  /** Calls `listener` with all that was reported, then with each report. @returns a function that ends this */
  follow(listener: Listener): () => void {
    if (this.#history) listener(this.#history);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
