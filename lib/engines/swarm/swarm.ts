import type Docker from 'dockerode';
import { makeHome, nameUser, ROOT } from '../../user.js';
import {
  BOX_LABEL,
  type BoxLimits,
  DEPLOYMENT_LABEL,
  type Engine,
  type Owned,
  type Place,
  type Runnable,
  type Whereabouts,
} from '../engine.js';
import { type Located, NodeContainers } from './containers.js';
import { Ending } from './ending.js';
import { Generations } from './generations.js';
import { resolveImage } from './images.js';
import { Manager } from './manager.js';
import type { Nodes } from './nodes-port.js';
import { Places, withoutManager } from './places.js';
import { type BoxService, isToRun, type Reservations, serviceOf } from './spec.js';
import { Starting } from './starting.js';

type EngineOptions = {
  /** A client of a manager of the swarm. */
  docker: Docker;
  nodes: Nodes;
  deployment: string;
  limits: BoxLimits;
  reservations: Reservations;
  /** MOUNT_POINT, absolute, and the same on every node. */
  mountPoint: string;
  /** Absolute path of a box's workspace. */
  workspace: (id: string) => string;
  /** How long it takes until a container on a node that does not answer has certainly ended by itself, in s. */
  fenceSeconds: number;
  /** Aborted when this server ends. */
  closing: AbortSignal;
};

/**
 * The containers of boxes on the nodes of a Docker Swarm: a box is a service of one replica, which is scaled to 0 while it
 * is stopped. Its execs are made on the engine of the node that has its container.
 */
export class SwarmEngine implements Engine {
  readonly deployment: string;
  readonly #options: EngineOptions;
  readonly #manager: Manager;
  readonly #containers: NodeContainers;
  readonly #generations: Generations;
  readonly #ending: Ending;
  readonly #starting: Starting;
  readonly #places: Places;

  constructor(options: EngineOptions) {
    const { docker, nodes, deployment, mountPoint, fenceSeconds, closing } = options;
    this.#options = options;
    this.deployment = deployment;
    const manager = new Manager(docker, deployment);
    const containers = new NodeContainers(nodes, deployment);
    const generations = new Generations(mountPoint);
    const ending = new Ending(manager, containers);
    this.#manager = manager;
    this.#containers = containers;
    this.#generations = generations;
    this.#ending = ending;
    this.#places = new Places(nodes, manager, containers);
    const describe = (box: Runnable, generation: number) => this.#describe(box, generation);
    this.#starting = new Starting({
      ...{ manager, nodes, containers, ending, generations, describe, closing },
      fenceMs: fenceSeconds * 1000,
    });
  }

  /** While the manager is away the nodes go on by themselves: terminals in boxes that run can be had. */
  async ping(): Promise<void> {
    try {
      await this.#manager.ping();
    } catch (error) {
      if (this.#options.nodes.ready().length === 0) throw error;
    }
  }

  pingManager(): Promise<void> {
    return this.#manager.ready();
  }

  labels(id: string): Record<string, string> {
    return { [BOX_LABEL]: id, [DEPLOYMENT_LABEL]: this.deployment };
  }

  async ensureRunning(box: Runnable): Promise<boolean> {
    if (await this.#places.confirmed(box.id)) return false;
    const { started, ...located } = await withoutManager(
      () => this.#starting.run(box),
      () => this.#runs(box.id),
    );
    await this.#prepare(placeOf(located));
    this.#places.note(box.id, located);
    return started;
  }

  async stop(id: string): Promise<void> {
    await this.#ending.stop(id);
    this.#places.forget(id);
  }

  async remove(id: string): Promise<void> {
    await this.stop(id);
    await this.#manager.remove(id);
    await this.#containers.removeAll(id);
    await this.#generations.remove(id);
  }

  removeFetch(id: string): Promise<void> {
    return this.#containers.removeFetch(id);
  }

  async runningBoxes(): Promise<Set<string>> {
    const containers = await this.#containers.all();
    return new Set(containers.flatMap(({ boxId, running, fetches }) => (running && !fetches ? boxId : [])));
  }

  async isRunning(id: string): Promise<boolean> {
    const located = await this.#places.find(id);
    return located !== undefined && (await this.#containers.runs(located)) === true;
  }

  async containers(): Promise<Owned[]> {
    const services = await this.#manager.services();
    for (const [boxId, service] of services) await this.#starting.pin(boxId, service);
    const ofServices = [...services].map(([boxId, { Spec }]) => ({
      boxId,
      running: isToRun(Spec),
      fetches: false,
    }));
    return [...ofServices, ...(await this.#containers.all())];
  }

  async place(id: string): Promise<Place | undefined> {
    const located = await this.#places.find(id);
    return located && placeOf(located);
  }

  async whereabouts(id: string, { docker, container }: Place): Promise<Whereabouts> {
    const { nodes } = this.#options;
    const node = nodes.all().find((node) => node.docker === docker);
    if (!node || !(await nodes.answers(node))) return 'silent';
    const runs = await this.#containers.runs({ node, containerId: container.id });
    if (runs) return 'there';
    const isGone = async () => {
      const located = await this.#places.find(id);
      return (located && located.node !== node) || !(await this.#manager.uses(node.id));
    };
    return (await withoutManager(isGone, async () => false)) ? 'moved' : 'there';
  }

  async worker(): Promise<Docker> {
    return this.#options.nodes.worker().docker;
  }

  async #runs(id: string) {
    const located = await this.#containers.find(id);
    return located && { ...located, started: false };
  }

  /** Gives the user of a container that is new to this server a home and a name. */
  async #prepare(place: Place): Promise<void> {
    const { limits, nodes } = this.#options;
    if (limits.user === ROOT) return;
    await makeHome(place.container, limits.user);
    await nameUser(place, limits.user, nodes.tools !== undefined);
  }

  async #describe(box: Runnable, generation: number): Promise<BoxService> {
    const { nodes, limits, reservations, workspace } = this.#options;
    const image = await resolveImage(nodes, box.image);
    return serviceOf({
      ...{ box, image, limits, reservations, generation },
      labels: this.labels(box.id),
      workspace: workspace(box.id),
      generationDirectory: this.#generations.directory(box.id),
      tools: nodes.tools,
      network: nodes.network,
      constraints: nodes.constraints,
    });
  }
}

function placeOf({ node, containerId }: Located): Place {
  return { docker: node.docker, container: node.docker.getContainer(containerId) };
}
