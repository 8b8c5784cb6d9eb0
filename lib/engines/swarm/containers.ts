import type Docker from 'dockerode';
import { ask } from '../../docker.js';
import { errors } from '../../errors.js';
import { ownedOf, removeContainer } from '../containers.js';
import { BOX_LABEL, DEPLOYMENT_LABEL, fetchContainerName, type Owned } from '../engine.js';
import type { Nodes, SwarmNode } from './nodes-port.js';

/** The swarm's own label of a task's container. */
export const TASK_LABEL = 'com.docker.swarm.task.id';

/** How long a node may take to list containers before it is left out, in ms. */
const PATIENCE_MS = 2000;

/** A box's container, and the node that has it. */
export type Located = { node: SwarmNode; containerId: string };

/** A container of one of a box's tasks. */
export type BoxContainer = {
  taskId: string;
  /** Ends and removes it. @returns false when its node does not answer */
  remove: () => Promise<boolean>;
};

/** The containers that nodes have of a deployment's boxes, by the word of each node's own engine. */
export class NodeContainers {
  readonly #nodes: Nodes;
  readonly #deployment: string;

  constructor(nodes: Nodes, deployment: string) {
    this.#nodes = nodes;
    this.#deployment = deployment;
  }

  /** Those on all nodes that answer, fetches' included. */
  async all(): Promise<Owned[]> {
    const label = [`${DEPLOYMENT_LABEL}=${this.#deployment}`];
    const found = await this.#everywhere((docker) =>
      docker.listContainers({ all: true, filters: { label } }),
    );
    return found.map(({ container }) => ownedOf(container));
  }

  /** A box's container that runs, wherever that is. */
  async find(boxId: string): Promise<Located | undefined> {
    const filters = { label: [`${BOX_LABEL}=${boxId}`, TASK_LABEL] };
    const [first] = await this.#everywhere((docker) => docker.listContainers({ filters }));
    return first && { node: first.node, containerId: first.container.Id };
  }

  /** Whether the container runs; undefined when its node does not answer. */
  async runs({ node, containerId }: Located): Promise<boolean | undefined> {
    const filters = { id: [containerId] };
    return quietly(async () => {
      const containers = await ask(node.docker.listContainers({ filters }), PATIENCE_MS);
      return containers.length > 0;
    });
  }

  /** The box's containers on a node; undefined when the node does not answer, or is none of the swarm's. */
  async on(nodeId: string, boxId: string): Promise<BoxContainer[] | undefined> {
    const node = this.#nodes.get(nodeId);
    if (!node || !(await this.#nodes.answers(node))) return undefined;
    const filters = { label: [`${BOX_LABEL}=${boxId}`, TASK_LABEL] };
    const listing = () => ask(node.docker.listContainers({ all: true, filters }), PATIENCE_MS);
    const containers = await quietly(listing);
    return containers?.map(({ Id, Labels }) => ({
      taskId: Labels[TASK_LABEL] ?? '',
      remove: async () => {
        const removed = await quietly(async () => {
          await removeContainer(node.docker, Id);
          return true;
        });
        return removed ?? false;
      },
    }));
  }

  /** Removes the container that fetches a box's source, whichever node has it. */
  async removeFetch(boxId: string): Promise<void> {
    const name = fetchContainerName(boxId);
    await Promise.all(this.#reachable().map(({ docker }) => quietly(() => removeContainer(docker, name))));
  }

  /** Removes the box's containers from all nodes that answer, the one that fetches its source included. */
  async removeAll(boxId: string): Promise<void> {
    const filters = { label: [`${BOX_LABEL}=${boxId}`] };
    const found = await this.#everywhere((docker) => docker.listContainers({ all: true, filters }));
    const remove = ({ node, container }: (typeof found)[number]) =>
      quietly(() => removeContainer(node.docker, container.Id));
    await Promise.all(found.map(remove));
  }

  async #everywhere(list: (docker: Docker) => Promise<Docker.ContainerInfo[]>) {
    const lists = await Promise.all(
      this.#reachable().map(async (node) => {
        const containers = await quietly(() => ask(list(node.docker), PATIENCE_MS));
        return (containers ?? []).map((container) => ({ node, container }));
      }),
    );
    return lists.flat();
  }

  #reachable(): SwarmNode[] {
    return this.#nodes.all().filter(({ answering }) => answering);
  }
}

/** Asks a node; undefined when it does not answer. */
async function quietly<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof errors.EngineUnavailable) return undefined;
    throw error;
  }
}
