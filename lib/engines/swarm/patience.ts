import { errors } from '../../errors.js';
import type { Task } from './manager.js';

/** How long a node may take to pull an image, and how long the swarm may for any other step, in ms. */
const PULL_TIMEOUT_MS = 600_000;
const STEP_TIMEOUT_MS = 30_000;

/** How long a task may find no node, in ms: nodes come and go, and their boxes do. */
const PENDING_MS = 3000;

/** After how long a node that does not answer is given up, though the swarm has not lost it, in ms. */
const SILENCE_MS = 15_000;

/** How often a container may fail to start: once may be its node's fault. */
const FAILURES = 2;

/** How long is waited for one box, and what has been seen of it meanwhile. */
export class Patience {
  /** Tasks that were over before anybody waited. */
  #former: Set<string> | undefined;
  /** What is waited for, and since when, as `performance.now()` has it. */
  #step = '';
  #since = performance.now();
  #answeredAt = performance.now();

  /** The latest of the tasks that have failed meanwhile, once they are enough to be believed. */
  failed(tasks: Task[]): Task | undefined {
    this.#former ??= new Set(tasks.map(({ ID }) => ID));
    const failed = tasks.filter(
      ({ ID, Status }) => !this.#former?.has(ID) && ['failed', 'rejected'].includes(Status.State),
    );
    return failed.length >= FAILURES || failed[0]?.Status.State === 'rejected' ? failed[0] : undefined;
  }

  /** @throws {@link errors.EngineFailed} when a task has been at the same step for too long */
  check(task: Task | undefined): void {
    const limit = task?.Status.State === 'preparing' ? PULL_TIMEOUT_MS : STEP_TIMEOUT_MS;
    if (this.#waited(task) > limit) {
      throw new errors.EngineFailed(`it was not started in time (${task?.Status.State ?? 'no task'}).`);
    }
  }

  /** Whether a task has waited for a node for long enough. */
  isOver(task: Task): boolean {
    return this.#waited(task) > PENDING_MS;
  }

  answered(): void {
    this.#answeredAt = performance.now();
  }

  isSilentForLong(): boolean {
    return performance.now() - this.#answeredAt > SILENCE_MS;
  }

  /** For how long a task has been at its step, in ms. */
  #waited(task: Task | undefined): number {
    const step = `${task?.ID} ${task?.Status.State}`;
    if (step !== this.#step) {
      this.#step = step;
      this.#since = performance.now();
    }
    return performance.now() - this.#since;
  }
}
