/** What a helper makes things for, and with whose end they go: a test, or a run of the benchmarks. */
export type Scope = { teardown(work: () => unknown): void };

/** What a run makes, and undoes at its end, the last first; also when it failed or was interrupted. */
export class RunScope implements Scope {
  readonly #undo: (() => unknown)[] = [];

  teardown(work: () => unknown): void {
    this.#undo.push(work);
  }

  /** Undoes all that can be undone. @returns what could not be, and why */
  async end(): Promise<Error[]> {
    const problems: Error[] = [];
    for (let work = this.#undo.pop(); work; work = this.#undo.pop()) {
      try {
        await work();
      } catch (error) {
        problems.push(error as Error);
      }
    }
    return problems;
  }
}
