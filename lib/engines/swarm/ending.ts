import { setTimeout as delay } from 'node:timers/promises';
import type { NodeContainers } from './containers.js';
import { isWanted, type Manager, mayRun, type Service, type Task } from './manager.js';
import { generationOf, isToRun, pinOf, stopped } from './spec.js';

/** How long the swarm may take to give up what it was about to start, in ms, and how often it is asked. */
const TIMEOUT_MS = 10_000;
const POLL_MS = 50;

/** States of a task that has been placed and whose container may not have been made yet. */
const BEFORE_CONTAINER = new Set(['assigned', 'accepted', 'preparing', 'ready']);

/** What came of ending a box: another server may have it run again meanwhile, or a node that may run it is silent. */
export type Ended = 'ended' | 'silent' | 'wanted again';

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
        await this.end(boxId, service);
        return;
      }
    }
  }

  /**
   * Ends the containers of a box whose service is scaled to 0, sooner than the swarm does: those that may be on the node
   * that it is pinned to, where it ran last, and those of its tasks.
   */
  async end(boxId: string, { Spec }: Pick<Service, 'Spec'>): Promise<Ended> {
    const deadline = performance.now() + TIMEOUT_MS;
    const pin = pinOf(Spec);
    const generation = generationOf(Spec);
    for (;;) {
      const known = (await this.#manager.tasks(boxId)).filter((task) => mayRun(task, generation));
      const placed = known.flatMap(({ NodeID }) => NodeID ?? []);
      const nodeIds = new Set(pin === undefined ? placed : [pin, ...placed]);
      const { silent, tasks } = await this.endOn([...nodeIds], boxId);
      const isOpen = (task: Task) =>
        isWanted(task) || (BEFORE_CONTAINER.has(task.Status.State) && !silent.has(task.NodeID ?? ''));
      if (!tasks.some(isOpen)) return silent.size === 0 ? 'ended' : 'silent';
      const service = await this.#manager.find(boxId);
      if (service && isToRun(service.Spec)) return 'wanted again';
      if (performance.now() > deadline) return 'silent';
      await delay(POLL_MS);
    }
  }

  /**
   * Ends the containers on some nodes that are not of a task which the swarm wants to run.
   * @returns the nodes that do not answer, or are none of the swarm's; and the box's tasks
   */
  async endOn(nodeIds: string[], boxId: string): Promise<{ silent: Set<string>; tasks: Task[] }> {
    const lists = await Promise.all(nodeIds.map((id) => this.#containers.on(id, boxId)));
    // Asked for after the containers: a task is always there before its container.
    const tasks = await this.#manager.tasks(boxId);
    const wanted = new Set(tasks.filter(isWanted).map(({ ID }) => ID));
    const ended = await Promise.all(
      lists.map(async (list) => {
        if (!list) return false;
        const stale = list.filter(({ taskId }) => !wanted.has(taskId));
        return (await Promise.all(stale.map(({ remove }) => remove()))).every(Boolean);
      }),
    );
    return { silent: new Set(nodeIds.filter((_, index) => !ended[index])), tasks };
  }
}
