import type Docker from 'dockerode';
import { type Certificates, makeCertificates } from './certificates.js';
import { type Cable, ClusterNetwork } from './cluster-network.js';
import { BASE_IMAGE, type Daemon, makeMachine } from './daemon.js';
import type { Scope } from './scope.js';

/** The ports of nodes' engines, without TLS and with it, and of what managers have to say to nodes. */
const ENGINE_PORT = 2375;
const ENGINE_TLS_PORT = 2376;
const SWARM_PORT = 2377;

/** How many nodes certificates are made for. */
const MAX_NODES = 9;

/** A node of the swarm: a Docker daemon on a machine of its own, and its cable. */
export class ClusterNode {
  readonly name: string;
  readonly daemon: Daemon;
  readonly #cable: Cable;

  constructor(name: string, daemon: Daemon, cable: Cable) {
    this.name = name;
    this.daemon = daemon;
    this.#cable = cable;
  }

  get address(): string {
    return this.#cable.address;
  }

  /** Its engine, through a socket that nobody can cut off. */
  get docker(): Docker {
    return this.daemon.docker;
  }

  /** Takes it from the network: nobody reaches it any more, and what runs on it goes on. */
  cutOff(): Promise<void> {
    return this.#cable.set('down');
  }

  reconnect(): Promise<void> {
    return this.#cable.set('up');
  }

  /** Takes the way between it and another node alone: all else reaches it. */
  async cutOffFrom({ address }: ClusterNode): Promise<void> {
    await this.daemon.run('ip', 'route', 'add', 'blackhole', `${address}/32`);
  }

  async reconnectTo({ address }: ClusterNode): Promise<void> {
    await this.daemon.run('ip', 'route', 'delete', 'blackhole', `${address}/32`);
  }

  /** The ids of the box's containers that run on it; one that fetches its source is none. */
  async running(boxId: string): Promise<string[]> {
    const label = [`dockbox.id=${boxId}`, 'com.docker.swarm.task.id'];
    const containers = await this.docker.listContainers({ filters: { label } });
    return containers.map(({ Id }) => Id);
  }
}

/** A swarm on one machine: a manager and its workers, each in namespaces of its own, on a network of their own. */
export class Cluster {
  readonly nodes: ClusterNode[] = [];
  readonly network: ClusterNetwork;
  /** Those of its engines, and of their clients; undefined without TLS. */
  readonly certificates: Certificates | undefined;
  readonly #scope: Scope;
  #machines = 0;

  constructor(scope: Scope, network: ClusterNetwork, certificates: Certificates | undefined) {
    this.#scope = scope;
    this.network = network;
    this.certificates = certificates;
  }

  /** The first node. */
  get manager(): ClusterNode {
    return this.nodes[0] as ClusterNode;
  }

  get workers(): ClusterNode[] {
    return this.nodes.slice(1);
  }

  /** The manager's address, for DOCKER_SERVER_HOST. */
  get address(): string {
    return `${this.manager.address}:${this.port}`;
  }

  /** The port of its nodes' engines. */
  get port(): number {
    return this.certificates ? ENGINE_TLS_PORT : ENGINE_PORT;
  }

  /** Starts another node, which joins as a worker; the first one begins the swarm. */
  async add(): Promise<ClusterNode> {
    this.#machines += 1;
    const number = this.#machines;
    const name = `node${number}`;
    const daemon = await makeMachine(this.#scope, { name });
    const node = new ClusterNode(name, daemon, await this.network.attach(daemon, number));
    if (this.manager) await daemon.share(this.manager.daemon);
    const certificates = this.certificates?.engine;
    await daemon.start({ hosts: [`tcp://0.0.0.0:${this.port}`], certificates, noNewPrivileges: true });
    if (this.manager) await this.#join(node, this.manager);
    else await this.#begin(node);
    this.nodes.push(node);
    return node;
  }

  /** The node that has a container of the box, which runs; undefined when none has. */
  async nodeOf(boxId: string): Promise<ClusterNode | undefined> {
    for (const node of this.nodes) {
      if ((await node.daemon.answers()) && (await node.running(boxId)).length > 0) return node;
    }
    return undefined;
  }

  /** Tells the swarm what a node is there for. */
  async setAvailability({ name }: ClusterNode, availability: 'active' | 'pause' | 'drain'): Promise<void> {
    const { ID, Version, Spec } = await this.inspect(name);
    const spec: object = { ...Spec, version: Version.Index, Availability: availability };
    await this.manager.docker.getNode(ID).update(spec);
  }

  // biome-ignore lint/suspicious/noExplicitAny: dockerode knows no types of nodes.
  async inspect(name: string): Promise<any> {
    const nodes = await this.manager.docker.listNodes();
    const node = nodes.find(({ Description }) => Description.Hostname === name);
    if (!node) throw new Error(`The swarm has no node "${name}".`);
    return node;
  }

  async #begin(node: ClusterNode): Promise<void> {
    await node.daemon.load(BASE_IMAGE);
    await node.docker.swarmInit(addressesOf(node));
  }

  async #join(node: ClusterNode, manager: ClusterNode): Promise<void> {
    const { JoinTokens } = await manager.docker.swarmInspect();
    await node.docker.swarmJoin({
      ...addressesOf(node),
      RemoteAddrs: [`${manager.address}:${SWARM_PORT}`],
      JoinToken: JoinTokens.Worker,
    });
  }
}

const addressesOf = ({ address }: ClusterNode) => ({
  ListenAddr: `${address}:${SWARM_PORT}`,
  AdvertiseAddr: address,
});

/**
 * Starts a swarm of a manager and so many workers, all of which have the base image. All of it is gone when the test ends.
 * @param tls whether their engines want certificates, and show one
 */
export async function startCluster(t: Scope, { workers = 2, tls = false } = {}): Promise<Cluster> {
  const network = await ClusterNetwork.make(t);
  const addresses = Array.from({ length: MAX_NODES }, (_, index) => network.address(index + 1));
  const cluster = new Cluster(t, network, tls ? await makeCertificates(t, ...addresses) : undefined);
  await cluster.add();
  await Promise.all(Array.from({ length: workers }, () => cluster.add()));
  return cluster;
}
