import type Docker from 'dockerode';
import { ask, found, statusOf, tolerate } from '../../docker.js';
import { errors } from '../../errors.js';
import { reason } from '../../refusal.js';
import { BOX_LABEL, containerName, DEPLOYMENT_LABEL } from '../engine.js';
import { type BoxService, GENERATION_LABEL } from './spec.js';

/** A service as the swarm has it. */
export type Service = { ID: string; Version: { Index: number }; Spec: BoxService };

/** One try of the swarm to run a service's container: it never comes back from a state, and is replaced by another. */
export type Task = {
  ID: string;
  CreatedAt: string;
  /** Not there until it has been placed. */
  NodeID?: string;
  DesiredState: string;
  Spec: { ContainerSpec?: { Labels?: Record<string, string> } };
  Status: { State: string; Err?: string; Message?: string; ContainerStatus?: { ContainerID?: string } };
};

/** States in which a task's container has ended for good, by the word of its own node. */
const ENDED = new Set(['complete', 'shutdown', 'failed', 'rejected']);

/** Whether a task's container is known to have ended. */
const hasEnded = ({ Status }: Task): boolean => ENDED.has(Status.State);

/** Whether a task's container may run, and write to the workspace: those of former generations may not any more. */
export const mayRun = (task: Task, generation: number): boolean =>
  !hasEnded(task) && Number(task.Spec.ContainerSpec?.Labels?.[GENERATION_LABEL]) === generation;

/** Whether the swarm runs a task, or is about to. */
export const isWanted = ({ DesiredState }: Task): boolean => ['running', 'ready'].includes(DesiredState);

/** How long a manager may take to say what it has, in ms: without one, boxes that run are found by asking the nodes. */
const LOOK_TIMEOUT_MS = 5000;

/** What the swarm's manager has of boxes: a service for each, and its tasks. */
export class Manager {
  readonly #docker: Docker;
  readonly #deployment: string;

  constructor(docker: Docker, deployment: string) {
    this.#docker = docker;
    this.#deployment = deployment;
  }

  async ping(): Promise<void> {
    await ask(this.#docker.ping(), LOOK_TIMEOUT_MS);
  }

  /** @throws {@link errors.EngineUnavailable} when it has no swarm to manage at this moment, too */
  async ready(): Promise<void> {
    await command(this.#docker.swarmInspect(), LOOK_TIMEOUT_MS);
  }

  /** The box's service; undefined when it has none. */
  find(boxId: string): Promise<Service | undefined> {
    return command(found(this.#docker.getService(containerName(boxId)).inspect()), LOOK_TIMEOUT_MS);
  }

  /** The ids of all boxes of the deployment that have a service, and their services. */
  async services(): Promise<Map<string, Service>> {
    const filters = JSON.stringify({ label: [`${DEPLOYMENT_LABEL}=${this.#deployment}`] });
    const services: Service[] = await command(this.#docker.listServices({ filters }) as Promise<Service[]>);
    return new Map(services.map((service) => [service.Spec.Labels[BOX_LABEL] ?? '', service]));
  }

  /** The tasks of a box's service, the newest first; none when it has no service. */
  async tasks(boxId: string): Promise<Task[]> {
    const filters = JSON.stringify({ service: [containerName(boxId)] });
    const listed = found(this.#docker.listTasks({ filters }));
    const tasks: Task[] = (await command(listed, LOOK_TIMEOUT_MS)) ?? [];
    return tasks.sort((a, b) => (a.CreatedAt < b.CreatedAt ? 1 : -1));
  }

  /** @returns false when the box has a service already */
  async create(spec: BoxService): Promise<boolean> {
    // Given one argument, dockerode takes it for a registry's credentials as well.
    const create = this.#docker.createService.bind(this.#docker) as unknown as (
      credentials: undefined,
      spec: BoxService,
    ) => Promise<unknown>;
    return (await command(tolerate(create(undefined, spec), 409))) !== 409;
  }

  /**
   * Changes a service, unless somebody else has changed it since it was looked at.
   * @returns whether it was changed
   */
  async update({ ID, Version }: Service, spec: BoxService): Promise<boolean> {
    const options = { _query: { version: Version.Index }, _body: spec };
    try {
      const updated = await command(tolerate(this.#docker.getService(ID).update(options), 404));
      return updated !== 404;
    } catch (error) {
      if (/out of sequence/.test(reason(error))) return false;
      throw error;
    }
  }

  async remove(boxId: string): Promise<void> {
    await command(tolerate(this.#docker.getService(containerName(boxId)).remove(), 404));
  }

  /** Whether the swarm may run tasks on a node: false when it has lost it, or was told to leave it alone. */
  async uses(nodeId: string): Promise<boolean> {
    const node = await this.#node(nodeId);
    return node?.Status.State === 'ready' && node.Spec.Availability === 'active';
  }

  /** Whether the swarm would use a node, and does not hear from it. */
  async hasLost(nodeId: string): Promise<boolean> {
    const node = await this.#node(nodeId);
    return node !== undefined && node.Status.State !== 'ready' && node.Spec.Availability === 'active';
  }

  // biome-ignore lint/suspicious/noExplicitAny: dockerode knows no types of nodes.
  #node(nodeId: string): Promise<any> {
    return command(found(this.#docker.getNode(nodeId).inspect()), LOOK_TIMEOUT_MS);
  }
}

/** Waits for a manager. One that has no swarm to manage at this moment, as without a leader, is not there. */
async function command<Result>(call: Promise<Result>, timeoutMs?: number): Promise<Result> {
  try {
    return await ask(call, timeoutMs);
  } catch (error) {
    if (statusOf(error) !== 503) throw error;
    const unavailable = new errors.EngineUnavailable('the swarm has no manager at this moment.');
    unavailable.cause = error;
    throw unavailable;
  }
}
