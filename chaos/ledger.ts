/** Every kind of fault; each is real. */
export const FAULTS = {
  replica: ['replica-kill', 'replica-pause', 'replica-restart', 'database-cut', 'engine-cut'],
  database: ['database-restart', 'database-crash'],
  engine: ['engine-restart', 'engine-crash'],
  box: ['container-kill', 'container-remove', 'init-kill'],
} as const;
export type FaultKind = (typeof FAULTS)[keyof typeof FAULTS][number];

/** A fault from its beginning to its end, in ms of `performance.now()`. */
type Fault = { kind: FaultKind; target: string; from: number; to: number };

/** A file in a box, by what its writer knows of it. */
export type File = {
  /** What was written and read back; undefined before that. */
  content?: string;
  /** What was typed and not acknowledged: it may be there or not. */
  doubts: Set<string>;
};

/** A box whose creation was acknowledged. */
export type Box = {
  id: string;
  name: string;
  readme: string;
  files: Map<string, File>;
  /** When somebody last asked for a stop or the deletion, and for as long as they wait: Infinity. */
  stopping: number;
  state: 'here' | 'deleting' | 'deleted';
};

/** What is counted of clients that get to do what they came for. */
const WORK = ['creates', 'connects', 'reconnects', 'files written and read back'];

/** What a run has done, been told, and found wrong. */
export class Ledger {
  readonly startedAt = performance.now();
  readonly boxes: Box[] = [];
  /** Names that were asked for, and whose fate was never heard of. */
  readonly inDoubt = new Set<string>();
  readonly violations: string[] = [];
  readonly faults: Fault[] = [];
  readonly counts = new Map<string, number>();
  /** Milliseconds from a first attempt to a shell that answers: for who comes, and for who was cut off. */
  readonly connectMs: number[] = [];
  readonly outageMs: number[] = [];

  readonly #print: (line: string) => void;

  /** @param print gets a line for each thing that happens */
  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by);
  }

  say(text: string): void {
    const seconds = (performance.now() - this.startedAt) / 1000;
    this.#print(`${seconds.toFixed(1).padStart(7)} s  ${text}`);
  }

  violation(text: string): void {
    this.violations.push(text);
    this.say(`VIOLATION: ${text}`);
  }

  /** What has not happened yet: kinds of faults, and clients' work, that after being cut off included. */
  get missing(): string[] {
    const seen = new Set<string>(this.faults.map(({ kind }) => kind));
    const faults = Object.values(FAULTS)
      .flat()
      .filter((kind) => !seen.has(kind));
    return [...faults, ...WORK.filter((what) => !this.counts.has(what))];
  }

  /** Notes that a fault begins. @returns a function that notes its end */
  begin(kind: FaultKind, target: string): () => void {
    const fault: Fault = { kind, target, from: performance.now(), to: Number.POSITIVE_INFINITY };
    this.faults.push(fault);
    this.say(`${kind} ${target}`);
    return () => {
      fault.to = performance.now();
    };
  }

  /**
   * Whether a fault of these kinds explains what is seen now.
   * @param targets on one of which it was; undefined when that is not known
   * @param afterMs for how long after its end it may be felt
   */
  explains(kinds: readonly FaultKind[], targets: readonly string[] | undefined, afterMs: number): boolean {
    const since = performance.now() - afterMs;
    return this.faults.some(
      ({ kind, target, to }) => kinds.includes(kind) && (targets?.includes(target) ?? true) && to >= since,
    );
  }
}
