import type { Scope } from '../test/helpers/scope.js';

/** What a run has opened, closed in reverse order, each whatever became of the others. */
export class Openings implements Scope {
  readonly #handlers: (() => unknown)[] = [];

  teardown(handler: () => unknown): void {
    this.#handlers.push(handler);
  }

  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (const handler of this.#handlers.splice(0).reverse()) {
      try {
        await handler();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'Not everything could be put away');
  }
}
