/** What a helper makes things for, and with whose end they go: a test, or a run of the benchmarks. */
export type Scope = { teardown(work: () => unknown): void };
