import type Docker from 'dockerode';

/** A node that may run boxes, and its own Docker engine. */
export type SwarmNode = {
  id: string;
  hostname: string;
  docker: Docker;
  /** Whether its engine answered when it was last asked. */
  readonly answering: boolean;
};

/** The nodes of a swarm, as the engine of boxes sees them. */
export interface Nodes {
  /**
   * Looks at the swarm's nodes now, then checks and prepares those that are new, returned or changed. To be called every
   * few seconds, and once at start.
   * @param patienceMs how long it waits for the checks, which go on after that
   * @throws when no manager answers; the nodes that are known have been looked at all the same
   */
  look(patienceMs?: number): Promise<void>;

  /** Those that boxes may run on now: active, answering, checked. */
  ready(): SwarmNode[];

  /**
   * A node, whether it may get boxes or not (drained ones still have containers to look at); undefined when the swarm has
   * no such node.
   */
  get(id: string): SwarmNode | undefined;

  /** All that are known, ready or not. */
  all(): SwarmNode[];

  /** Whether the node's engine answers now: a ping with a short limit. */
  answers(node: SwarmNode): Promise<boolean>;

  /**
   * One of those that boxes may run on, each in its turn: for throw-away containers.
   * @throws {@link errors.EngineUnavailable} when there is none
   */
  worker(): SwarmNode;

  /** Placement constraints of every box's service: only nodes that passed the check. */
  readonly constraints: string[];

  /** The volume with boxes' tools, the same on all nodes; undefined when there are none, or no node is ready yet. */
  readonly tools: string | undefined;

  /** The name of the swarm's network that boxes are on; undefined for the nodes' own default. */
  readonly network: string | undefined;

  close(): Promise<void>;
}
