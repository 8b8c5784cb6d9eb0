import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { ask, tolerate } from '../lib/docker.js';
import { listNodes } from '../lib/engines/swarm/listed.js';

/** How long the nodes may take to pull one image, in ms, and how often the swarm is asked. */
const PULL_TIMEOUT_MS = 1_800_000;
const POLL_MS = 500;

/** States in which a task has ended: https://docs.docker.com/engine/swarm/how-swarm-mode-works/swarm-task-states/ */
const ENDED = ['complete', 'failed', 'rejected', 'shutdown', 'orphaned'];

type Task = { NodeID?: string; Status: { State: string; Err?: string } };

/**
 * Has each node of a swarm pull an image, by a job that runs a program which does nothing on each of them, and is gone
 * after that.
 * @throws with the nodes that could not, and why
 */
export async function runPullJob(docker: Docker, image: string, timeoutMs = PULL_TIMEOUT_MS): Promise<void> {
  const nodes = await listNodes(docker, timeoutMs);
  const able = nodes.filter(({ up, active }) => up && active);
  const name = `dockbox-prepull-${createHash('sha256').update(image).digest('hex').slice(0, 12)}`;
  // One that was interrupted has left its own.
  await ask(tolerate(docker.getService(name).remove(), 404));
  await ask(docker.createService(jobOf(name, image) as unknown as Docker.CreateServiceOptions));
  try {
    const ends = await endsOf(docker, name, able.length, timeoutMs);
    const whys = able.flatMap(({ id, hostname }) => {
      const status = ends.get(id);
      if (status?.State === 'complete') return [];
      return [`${hostname}: ${status ? (status.Err ?? status.State) : 'it took too long'}`];
    });
    if (whys.length > 0) throw new Error(`${image} is not on all nodes: ${whys.join('; ')}`);
  } finally {
    await ask(tolerate(docker.getService(name).remove(), 404));
  }
}

/** What became of the job on each node, once all have come to an end, or the time is over. */
async function endsOf(docker: Docker, name: string, count: number, timeoutMs: number) {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const tasks: Task[] = await ask(docker.listTasks({ filters: { service: [name] } }));
    const ended = tasks.filter(({ Status }) => ENDED.includes(Status.State));
    // A node that failed is told to try again: its first word is enough.
    const ends = new Map(ended.map(({ NodeID = '', Status }) => [NodeID, Status]));
    if (ends.size >= count || performance.now() > deadline) return ends;
    await delay(POLL_MS);
  }
}

const jobOf = (name: string, image: string) => ({
  Name: name,
  Mode: { GlobalJob: {} },
  EndpointSpec: { Mode: 'dnsrr' },
  TaskTemplate: {
    ContainerSpec: { Image: image, Command: ['true'], CapabilityDrop: ['ALL'] },
    RestartPolicy: { Condition: 'none' },
    LogDriver: { Name: 'none' },
  },
});
