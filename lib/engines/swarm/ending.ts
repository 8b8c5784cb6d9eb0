import { setTimeout as delay } from 'node:timers/promises';
import type { NodeContainers } from './containers.js';
import { hasEnded, isWanted, type Manager, type Task } from './manager.js';
import { isToRun, pinOf, stopped } from './spec.js';

/** How long the swarm may take to give up what it was about to start, in ms, and how often it is asked. */
const TIMEOUT_MS = 10_000;
const POLL_MS = 50;

/** States of a task that has been placed and whose container may not have been made yet. */
const BEFORE_CONTAINER = new Set(['assigned', 'accepted', 'preparing', 'ready']);

/** Sees to it that a box which is not to run any more runs nowhere. */
export class Ending {
  readonly #manager: Manager;
  readonly #containers: NodeContainers;

  constructor(manager: Manager, containers: NodeContainers) {
    this.#manager = manager;
    this.#containers = containers;
  }

  /** Lets a box run no more, and ends its containers on the nodes that answer. */
  async stop(boxId: string): Promise<void> {
    for (;;) {
      const service = await this.#manager.find(boxId);
      if (!service) return;
      if (!isToRun(service.Spec) || (await this.#manager.update(service, stopped(service.Spec)))) {
        await this.end(boxId, pinOf(service.Spec));
        return;
      }
    }
  }

  /**
   * Ends the containers of a box whose service is scaled to 0, sooner than the swarm does.
   * @param pin the id of the node that it ran on last
   * @returns whether that is certain: false when a node does not answer that may run it still
   */
  async end(boxId: string, pin: string | undefined): Promise<boolean> {
    const deadline = performance.now() + TIMEOUT_MS;
    for (;;) {
      const tasks = (await this.#manager.tasks(boxId)).filter((task) => !hasEnded(task));
      const placed = tasks.flatMap(({ NodeID }) => NodeID ?? []);
      const nodeIds = [...new Set(pin === undefined ? placed : [pin, ...placed])];
      const answers = await Promise.all(nodeIds.map((id) => this.#containers.endOn(id, boxId)));
      const silent = new Set(nodeIds.filter((_, index) => !answers[index]));
      const isOpen = (task: Task) =>
        isWanted(task) || (BEFORE_CONTAINER.has(task.Status.State) && !silent.has(task.NodeID ?? ''));
      if (!tasks.some(isOpen)) return silent.size === 0;
      if (performance.now() > deadline) return false;
      await delay(POLL_MS);
    }
  }
}
