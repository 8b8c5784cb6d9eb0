import type Docker from 'dockerode';
import { ask, statusOf } from '../../docker.js';

/** A node as the swarm's manager has it. */
export type Listed = {
  id: string;
  hostname: string;
  /** The address that the swarm knows it by. */
  address: string;
  /** Whether the manager hears from it. */
  up: boolean;
  /** Whether the manager has lost it; neither is so while the manager itself has just come back. */
  down: boolean;
  /** Whether it is to get tasks: neither paused nor drained. */
  active: boolean;
  labels: Record<string, string>;
};

/** As the engine's API has it: https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Node */
type NodeObject = {
  ID: string;
  Version: { Index: number };
  Spec: { Labels?: Record<string, string> | null; Availability: string };
  Description?: { Hostname?: string };
  Status: { State: string; Addr?: string };
};

/** The id of the node that an engine is in its swarm; undefined when it is in none. @throws {@link errors.EngineUnavailable} */
export async function nodeId(docker: Docker, timeoutMs: number): Promise<string | undefined> {
  const { Swarm } = await ask<{ Swarm?: { NodeID?: string } }>(docker.info(), timeoutMs);
  return Swarm?.NodeID || undefined;
}

/**
 * The swarm's nodes.
 * @throws {@link errors.EngineUnavailable}; the manager's refusal, when it is none or can't speak for the swarm
 */
export async function listNodes(manager: Docker, timeoutMs: number): Promise<Listed[]> {
  const nodes: NodeObject[] = await ask(manager.listNodes(), timeoutMs);
  return nodes.map(({ ID, Spec, Description, Status }) => ({
    id: ID,
    hostname: Description?.Hostname ?? ID,
    address: Status.Addr ?? '',
    up: Status.State === 'ready',
    down: Status.State === 'down' || Status.State === 'disconnected',
    active: Spec.Availability === 'active',
    labels: Spec.Labels ?? {},
  }));
}

/** Others change nodes, too. */
const ATTEMPTS = 5;

/**
 * Sets one label of a node, or takes it off.
 * @param value undefined takes it off
 * @throws {@link errors.EngineUnavailable}; the manager's refusal
 */
export async function setLabel(
  manager: Docker,
  id: string,
  label: string,
  value: string | undefined,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const node = manager.getNode(id);
    const { Version, Spec } = (await ask(node.inspect())) as NodeObject;
    const { [label]: current, ...others } = Spec.Labels ?? {};
    if (current === value) return;
    const Labels = { ...others, ...(value !== undefined && { [label]: value }) };
    try {
      await ask(node.update({ _query: { version: Version.Index }, _body: { ...Spec, Labels } }));
      return;
    } catch (error) {
      if (statusOf(error) === undefined || attempt === ATTEMPTS) throw error;
    }
  }
}
