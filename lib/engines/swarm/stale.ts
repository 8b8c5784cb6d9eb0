import type Docker from 'dockerode';
import { ask } from '../../docker.js';
import { removeContainer } from '../containers.js';
import { DEPLOYMENT_LABEL } from '../engine.js';
import { TASK_LABEL } from './containers.js';
import { isWanted, type Task } from './manager.js';
import type { SwarmNode } from './nodes-port.js';

/**
 * Ends the containers of boxes on a node that Swarm does not want there any more: of one that was cut off, and whose
 * boxes have been started elsewhere meanwhile. Swarm does so itself; this makes sure of it.
 * @returns how many there were
 * @throws {@link errors.EngineUnavailable} when the node or the manager does not answer
 */
export async function endStaleContainers(
  manager: Docker,
  { id, docker }: SwarmNode,
  deployment: string,
): Promise<number> {
  const label = [`${DEPLOYMENT_LABEL}=${deployment}`, TASK_LABEL];
  const containers = await ask(docker.listContainers({ filters: { label } }));
  if (containers.length === 0) return 0;
  // Asked for after the containers: a task is always there before its container.
  const tasks: Task[] = await ask(manager.listTasks({ filters: { node: [id] } }));
  const wanted = new Set(tasks.filter(isWanted).map(({ ID }) => ID));
  const stale = containers.filter(({ Labels }) => !wanted.has(Labels[TASK_LABEL] ?? ''));
  for (const { Id } of stale) await removeContainer(docker, Id);
  return stale.length;
}
