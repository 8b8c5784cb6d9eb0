import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { answers, useNext } from '../../docker.js';
import { errors } from '../../errors.js';
import type { Log } from '../../log.js';
import { FLEET_NETWORK } from '../../network.js';
import { whySilent } from '../../silence.js';
import { connectNode, engineAddress } from './address.js';
import { checkNode, type Needs } from './checks/check.js';
import { type Listed, listNodes, nodeId, setLabel } from './listed.js';
import { Member, PING_TIMEOUT_MS } from './member.js';
import type { Nodes, SwarmNode } from './nodes-port.js';
import { endStaleContainers } from './stale.js';

/** How long one look waits for the checks that it began, in ms: they go on, but the other nodes are to be looked at again. */
const PATIENCE_MS = 5000;

/** How often a node is checked that has passed, and one that has not, in ms: a check costs a few containers. */
const CHECK_MS = 300_000;
const RETRY_MS = 10_000;

/** What a node's label says of it when boxes may run there. */
const READY = 'ready';

type Options = {
  /** A client of the swarm's manager. */
  docker: Docker;
  /** DOCKER_SERVER_HOST and DOCKER_CERT_PATH. */
  address: string;
  certificates: string | undefined;
  needs: Needs;
  log: Log;
};

/**
 * The nodes of a swarm, found through its manager and each asked through its own engine. Those that have what boxes need
 * carry a label that says so, to which services are constrained: the manager is where all servers meet. A server that
 * can't reach a node leaves its label alone, as others may reach it, and uses it no more. While the manager is away,
 * the nodes that it had named last go on being used.
 */
export class SwarmNodes implements Nodes {
  readonly network = FLEET_NETWORK;
  readonly constraints: string[];
  readonly #options: Options;
  readonly #label: string;
  readonly #members = new Map<string, Member>();
  /** The addresses that are none of nodes that are not among the members for that. */
  readonly #misplaced = new Map<string, string>();
  #tools: string | undefined;
  /** The manager's own node. */
  #managerId: string | undefined;
  #turn = 0;
  #closed = false;

  constructor(options: Options) {
    this.#options = options;
    this.#label = `dockbox.${options.needs.deployment}`;
    this.constraints = [`node.labels.${this.#label} == ${READY}`];
  }

  async look(patienceMs = PATIENCE_MS): Promise<void> {
    const { docker, address } = this.#options;
    let away: unknown;
    try {
      if (!address.includes(',')) this.#managerId ??= await nodeId(docker, PING_TIMEOUT_MS);
      this.#update(await listNodes(docker, PING_TIMEOUT_MS));
    } catch (error) {
      away = error;
      useNext(docker);
    }
    await Promise.all(this.all().map((member) => member.ping()));
    for (const member of this.all()) this.#report(member);
    if (away) throw away;
    const work = this.all().map((member) => this.#tend(member));
    const patience = new AbortController();
    const late = delay(patienceMs, undefined, { signal: patience.signal }).catch(() => {});
    await Promise.race([Promise.all(work), late]);
    patience.abort();
  }

  /** The volume with boxes' tools that every node has; undefined when their base image has none, or no node is ready yet. */
  get tools(): string | undefined {
    return this.#tools;
  }

  ready(): SwarmNode[] {
    return this.all().filter(({ ready }) => ready);
  }

  get(id: string): SwarmNode | undefined {
    return this.#members.get(id);
  }

  all(): Member[] {
    return [...this.#members.values()];
  }

  answers({ docker }: SwarmNode): Promise<boolean> {
    return answers(docker, PING_TIMEOUT_MS);
  }

  worker(): SwarmNode {
    const ready = this.ready();
    const node = ready[this.#turn++ % ready.length];
    if (!node) throw new errors.EngineUnavailable('no node of the swarm is ready.');
    return node;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const member of this.all()) member.close();
  }

  /** Takes in who is in the swarm, and where. */
  #update(listed: Listed[]): void {
    const { address, certificates } = this.#options;
    const manager = { id: this.#managerId, address, certificates };
    const gone = new Set(this.#members.keys());
    for (const node of listed) {
      gone.delete(node.id);
      const known = this.#members.get(node.id);
      const engine = engineAddress(node, manager);
      if (known?.address === engine) known.listed = node;
      else this.#take(node, engine);
    }
    for (const id of gone) this.#forget(id);
  }

  /** Takes in a node that is new, or has another address. */
  #take(node: Listed, address: string): void {
    this.#forget(node.id);
    try {
      const docker = connectNode(address, this.#options.certificates);
      this.#members.set(node.id, new Member(node, address, docker));
      this.#misplaced.delete(node.id);
    } catch (err) {
      if (this.#misplaced.get(node.id) === address) return;
      this.#misplaced.set(node.id, address);
      this.#options.log.error({ node: node.hostname, err }, 'a node gets no boxes');
    }
  }

  #forget(id: string): void {
    this.#members.get(id)?.close();
    this.#members.delete(id);
  }

  /** A new base image has other tools: they are not used before all nodes have them. Nodes keep the former ones. */
  #agreeOnTools(): void {
    const [first, ...others] = this.all().filter(({ ready }) => ready);
    if (first && others.every(({ tools }) => tools === first.tools)) this.#tools = first.tools;
  }

  /** Says when a node is not to be used any more, and why one that is up does not answer. */
  #report(member: Member): void {
    const { log } = this.#options;
    const { up, active } = member.listed;
    const { hostname: node, answering, silence, address, reasons } = member;
    if (answering) reasons.clear();
    const why = silence && `its engine at ${address}: ${whySilent(silence)}`;
    if (member.used && !member.ready) {
      const because = why ? `: ${why}` : '';
      log.warn({ node, up, active, answering }, `a node is not used for the time being${because}`);
    } else if (up && why && !reasons.has(why)) {
      log.error({ node, err: silence }, `a node can't be used, ${why}`);
    }
    if (why) reasons.add(why);
    member.used = member.ready;
  }

  /** Sees to it that a node carries the label if, and only if, boxes may run there. */
  async #tend(member: Member): Promise<void> {
    const { listed } = member;
    if (listed.down) {
      // Its boxes are started elsewhere. Others may come to it only once it was looked at again.
      member.passedAt = undefined;
      await this.#setLabel(member, undefined).catch((err) => this.#tell(member, 'could not be marked', err));
    } else if (listed.up && listed.active && member.answering && this.#isDue(member)) {
      await this.#check(member);
    }
  }

  #isDue({ listed, passedAt, checkedAt, checking, told }: Member): boolean {
    const settled = passedAt !== undefined && listed.labels[this.#label] === READY && told === undefined;
    return !checking && performance.now() - checkedAt > (settled ? CHECK_MS : RETRY_MS);
  }

  async #check(member: Member): Promise<void> {
    const { docker, needs, log } = this.#options;
    const { hostname: node, run } = member;
    member.checking = true;
    member.checkedAt = performance.now();
    try {
      const ended = await endStaleContainers(docker, member, needs.deployment);
      if (ended > 0) log.warn({ node, ended }, 'ended containers that run elsewhere by now');
      const others = this.ready().filter(({ id }) => id !== member.id);
      const { problems, tools } = await checkNode(
        docker,
        member.docker,
        others.map((other) => other.docker),
        needs,
      );
      // What was seen of an engine that has ended meanwhile is worth nothing: it is looked at again at once.
      if (member.run !== run || this.#closed) return;
      if (problems.length > 0) {
        member.passedAt = undefined;
        await this.#setLabel(member, undefined);
        this.#tell(member, `gets no boxes: ${problems.join('; ')}`);
      } else {
        await this.#setLabel(member, READY);
        if (member.passedAt === undefined || member.told) log.info({ node }, 'boxes may run on a node');
        member.passedAt = performance.now();
        member.used = member.ready;
        member.told = undefined;
        member.tools = tools;
        this.#agreeOnTools();
      }
    } catch (err) {
      if (!this.#closed) this.#tell(member, 'could not be checked', err);
    } finally {
      member.checking = false;
    }
  }

  async #setLabel(member: Member, value: typeof READY | undefined): Promise<void> {
    if (member.listed.labels[this.#label] === value) return;
    await setLabel(this.#options.docker, member.id, this.#label, value);
  }

  /** Says what is wrong with a node, once for each thing. */
  #tell(member: Member, what: string, err?: unknown): void {
    const told = err ? `${what}: ${(err as Error).message}` : what;
    if (told === member.told) return;
    member.told = told;
    this.#options.log.error({ node: member.hostname, ...(err !== undefined && { err }) }, `a node ${what}`);
  }
}
