import { setTimeout as delay } from 'node:timers/promises';
import { errors } from '../../errors.js';
import type { Runnable } from '../engine.js';
import type { Located, NodeContainers } from './containers.js';
import type { Ending } from './ending.js';
import { failureOf } from './failures.js';
import type { Generations } from './generations.js';
import { isWanted, type Manager, mayRun, type Service, type Task } from './manager.js';
import type { Nodes } from './nodes-port.js';
import { Patience } from './patience.js';
import { type BoxService, generationOf, isToRun, pinned, pinOf, stopped } from './spec.js';

/** How often the swarm is asked what has become of a task, in ms. */
const POLL_MS = 40;

/** What can't be helped by waiting. A manager that does not answer is no reason to stop what may be running. */
const GIVEN_UP = [errors.NoCapacity, errors.ImageUnavailable, errors.EngineFailed];

type Options = {
  manager: Manager;
  nodes: Nodes;
  containers: NodeContainers;
  ending: Ending;
  generations: Generations;
  /** The service of a box that is to run. */
  describe: (box: Runnable, generation: number) => Promise<BoxService>;
  /** How long it takes until no container of a former generation runs any more, in ms. */
  fenceMs: number;
  /** Aborted when this server ends: others go on with what it was starting. */
  closing: AbortSignal;
};

/**
 * Gets a box to run on one node, and on one alone: see fence.ts. Each step looks at the service and changes it only if
 * nobody has changed it since, and so may be taken by several servers at the same time; who comes second looks again.
 */
export class Starting {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /**
   * @returns where the box runs, and whether it had to be started
   * @throws {@link errors.NoCapacity}; {@link errors.ImageUnavailable}; {@link errors.EngineFailed};
   *   {@link errors.EngineUnavailable}. The box is not to run then
   * @throws the reason of `closing` once it is aborted
   */
  async run(box: Runnable): Promise<Located & { started: boolean }> {
    const { manager, closing } = this.#options;
    const patience = new Patience();
    let started = false;
    let created = false;
    for (;;) {
      closing.throwIfAborted();
      const service = await manager.find(box.id);
      if (service && isToRun(service.Spec)) {
        const located = await this.#follow(box, service, patience).catch(async (error: Error) => {
          if (GIVEN_UP.some((kind) => error instanceof kind)) await this.#giveUp(box.id, service, created);
          throw error;
        });
        if (located) return { ...located, started };
        await delay(POLL_MS);
      } else if (service) {
        if (await this.#start(box, service)) started = true;
      } else if (await this.#create(box)) {
        started = true;
        created = true;
      }
    }
  }

  /** Pins a box that runs where it does, if its server did not come to it. */
  async pin(boxId: string, service: Service): Promise<void> {
    if (!isToRun(service.Spec) || pinOf(service.Spec) !== undefined) return;
    const tasks = await this.#options.manager.tasks(boxId);
    const task = tasks.find(isWanted);
    if (task?.Status.State !== 'running' || !task.NodeID || mayRunTwice(service, tasks, task)) return;
    await this.#options.manager.update(service, pinned(service.Spec, task.NodeID));
  }

  /** Sees to it that a box does not start later, when there is nobody any more who wants it. */
  async #giveUp(boxId: string, service: Service, created: boolean): Promise<void> {
    const { manager, generations } = this.#options;
    if (!(await manager.update(service, stopped(service.Spec))) || !created) return;
    // Who deleted the box meanwhile does not know of what was made since.
    await manager.remove(boxId);
    await generations.remove(boxId);
  }

  async #create(box: Runnable): Promise<boolean> {
    const { manager, nodes, ending, generations, describe } = this.#options;
    const former = await generations.current(box.id);
    if (former === undefined) return manager.create(await describe(box, await generations.begin(box.id)));
    // Another server is making the service just now; or somebody else took it away, and nobody knows where it ran.
    const everywhere = nodes.all().map(({ id }) => id);
    const { silent } = await ending.endOn(everywhere, box.id);
    return manager.create(await describe(box, await this.#next(box.id, former, silent.size === 0)));
  }

  /** Starts a box that is not to run. */
  async #start(box: Runnable, service: Service): Promise<boolean> {
    const { manager, ending, describe } = this.#options;
    const ended = await ending.end(box.id, service);
    if (ended === 'wanted again') return false;
    const generation = await this.#next(box.id, generationOf(service.Spec), ended === 'ended');
    return manager.update(service, await describe(box, generation));
  }

  /**
   * The generation in which a box may run next, once it is certain that none of its containers runs any more. Each start has
   * one of its own: of those whose node has told us that they have ended, a manager that does not hear from it never learns.
   * @param former the generation of those that there were
   * @param ended whether they are known to have ended; else they get the time to find out that they have to
   */
  async #next(boxId: string, former: number, ended: boolean): Promise<number> {
    const { generations, fenceMs, closing } = this.#options;
    const current = (await generations.current(boxId)) ?? 0;
    // One that is higher is of a server that was doing the same.
    const next = Math.max(current, former + 1);
    if (next !== current) await generations.replace(boxId, next);
    if (!ended) await delay(fenceMs, undefined, { signal: closing }).catch(() => closing.throwIfAborted());
    return next;
  }

  /** Looks once at a box that is to run. @returns where it does; undefined when it has to be looked at again */
  async #follow(box: Runnable, service: Service, patience: Patience): Promise<Located | undefined> {
    const { manager, nodes, generations } = this.#options;
    const tasks = await manager.tasks(box.id);
    const task = tasks.find(isWanted);
    const failed = patience.failed(tasks);
    if (failed) {
      if ((await generations.current(box.id)) === generationOf(service.Spec)) {
        throw failureOf(failed, box.image);
      }
      // Its generation was over before it began: it is started in the present one.
      await manager.update(service, stopped(service.Spec));
      return undefined;
    }
    if (task?.Status.State !== 'running') {
      const located = await this.#unheardOf(service, tasks);
      if (!located) await this.#wait(service, task, patience);
      return located;
    }
    const node = nodes.get(task.NodeID ?? '');
    const containerId = task.Status.ContainerStatus?.ContainerID;
    if (!node || !containerId) {
      patience.check(task);
      return undefined;
    }
    return this.#settle(service, tasks, task, { node, containerId }, patience);
  }

  /** Sees to it that a box that runs stays where it does. */
  async #settle(
    service: Service,
    tasks: Task[],
    task: Task,
    located: Located,
    patience: Patience,
  ): Promise<Located | undefined> {
    const { manager, containers } = this.#options;
    const runs = await containers.runs(located);
    if (runs === undefined && (await this.#isLost(located, patience))) {
      await manager.update(service, stopped(service.Spec));
      return undefined;
    }
    if (!runs) {
      // The swarm does not know yet that it has ended.
      if (runs === false) patience.check(task);
      return undefined;
    }
    if (pinOf(service.Spec) !== undefined) return located;
    if (mayRunTwice(service, tasks, task)) {
      await manager.update(service, stopped(service.Spec));
      return undefined;
    }
    return (await manager.update(service, pinned(service.Spec, located.node.id))) ? located : undefined;
  }

  /**
   * Where a box runs on by the word of its node, from which the manager does not hear any more: it is pinned to it, and so
   * runs nowhere else.
   */
  async #unheardOf({ Spec }: Service, tasks: Task[]): Promise<Located | undefined> {
    const { manager, nodes, containers } = this.#options;
    const node = nodes.get(pinOf(Spec) ?? '');
    if (!node || !(await manager.hasLost(node.id))) return undefined;
    for (const task of tasks) {
      const containerId = task.Status.ContainerStatus?.ContainerID;
      if (task.NodeID !== node.id || !containerId || !mayRun(task, generationOf(Spec))) continue;
      if (await containers.runs({ node, containerId })) return { node, containerId };
    }
    return undefined;
  }

  /** Lets the swarm get on with a task, unless there is nothing to be hoped for. */
  async #wait(service: Service, task: Task | undefined, patience: Patience): Promise<void> {
    const { manager, nodes } = this.#options;
    if (task?.Status.State !== 'pending') return patience.check(task);
    const pin = pinOf(service.Spec);
    const isOver = patience.isOver(task);
    if (pin !== undefined && (isOver || !(await manager.uses(pin)))) {
      // Where it was it has no room any more, or can't be: it is placed anew.
      await manager.update(service, stopped(service.Spec));
    } else if (isOver) {
      const isReady = nodes.ready().length > 0;
      const error = isReady ? new errors.NoCapacity() : new errors.EngineFailed('no node is ready.');
      error.cause = new Error(task.Status.Err ?? task.Status.Message);
      throw error;
    }
  }

  /** Whether a node is given up that does not answer: the swarm has lost it, too, or it has been silent for long. */
  async #isLost({ node }: Located, patience: Patience): Promise<boolean> {
    const { manager, nodes } = this.#options;
    if (await nodes.answers(node)) {
      patience.answered();
      return false;
    }
    return patience.isSilentForLong() || !(await manager.uses(node.id));
  }
}

/** Whether a box may run elsewhere, too: before it was pinned the swarm may have moved it from a node that it had lost. */
const mayRunTwice = ({ Spec }: Service, tasks: Task[], task: Task) =>
  tasks.some((other) => other.NodeID && other.NodeID !== task.NodeID && mayRun(other, generationOf(Spec)));
