import { errors } from '../../errors.js';
import type { Located, NodeContainers } from './containers.js';
import { isWanted, type Manager } from './manager.js';
import type { Nodes } from './nodes-port.js';

/** How many boxes' places are remembered; the one that was noted first is forgotten for one more. */
const MAX_PLACES = 10_000;

/** Where boxes run, as far as this server knows. A place that was once right is so for as long as its container runs. */
export class Places {
  readonly #nodes: Nodes;
  readonly #manager: Manager;
  readonly #containers: NodeContainers;
  readonly #known = new Map<string, Located>();

  constructor(nodes: Nodes, manager: Manager, containers: NodeContainers) {
    this.#nodes = nodes;
    this.#manager = manager;
    this.#containers = containers;
  }

  note(boxId: string, located: Located): void {
    this.#known.delete(boxId);
    this.#known.set(boxId, located);
    for (const [oldest] of this.#known) {
      if (this.#known.size <= MAX_PLACES) break;
      this.#known.delete(oldest);
    }
  }

  forget(boxId: string): void {
    this.#known.delete(boxId);
  }

  /** Where the box is known to run, and runs by the word of that node; undefined when it has to be looked for. */
  async confirmed(boxId: string): Promise<Located | undefined> {
    const known = this.#known.get(boxId);
    if (!known) return undefined;
    if (this.#nodes.get(known.node.id) === known.node && (await this.#containers.runs(known))) return known;
    if (this.#known.get(boxId) === known) this.#known.delete(boxId);
    return undefined;
  }

  /** Where the box runs, or did last, by whoever has a word in that; undefined when nobody knows of it. */
  async find(boxId: string): Promise<Located | undefined> {
    return (
      (await this.confirmed(boxId)) ??
      (await withoutManager(
        () => this.#last(boxId),
        () => this.#containers.find(boxId),
      ))
    );
  }

  /** By the swarm's word. @throws {@link errors.EngineUnavailable} without a manager */
  async #last(boxId: string): Promise<Located | undefined> {
    const tasks = await this.#manager.tasks(boxId);
    for (const { NodeID, Status } of [...tasks.filter(isWanted), ...tasks]) {
      const node = this.#nodes.get(NodeID ?? '');
      const containerId = Status.ContainerStatus?.ContainerID;
      if (node && containerId) return { node, containerId };
    }
    return undefined;
  }
}

/**
 * Does something by another way when there is no manager.
 * @throws {@link errors.EngineUnavailable} when the other way finds nothing either
 */
export async function withoutManager<Result>(
  work: () => Promise<Result>,
  otherwise: () => Promise<Result | undefined>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof errors.EngineUnavailable)) throw error;
    const result = await otherwise();
    if (result === undefined) throw error;
    return result;
  }
}
