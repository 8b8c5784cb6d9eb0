import { call } from '../test/helpers/client.js';
import type { Deployment } from '../test/helpers/deployment.js';
import type { Scope } from '../test/helpers/scope.js';
import { launchServer, type Server } from '../test/helpers/server.js';
import { freePort, type LoadBalancer, startLoadBalancer } from './load-balancer.js';

/** What the proxy calls its replicas. */
export type Name = 'one' | 'two';
export const NAMES: Name[] = ['one', 'two'];

export type Timing = {
  /** Between two health checks of the proxy's; an ALB's are at least 5 s apart. */
  checkSeconds: number;
  noticeSeconds: number;
  drainSeconds: number;
};

/** Two replicas of a deployment behind a proxy, each of which can be ended and started again. */
export class ReplicatedService {
  readonly deployment: Deployment;
  readonly #env: NodeJS.ProcessEnv;
  readonly #ports: Record<Name, number>;
  readonly #servers = new Map<Name, Server>();
  #balancer!: LoadBalancer;

  private constructor(
    deployment: Deployment,
    { noticeSeconds, drainSeconds }: Timing,
    ports: [number, number],
  ) {
    this.deployment = deployment;
    this.#env = {
      ...deployment.env,
      TRUST_PROXY: '1',
      DRAIN_NOTICE_SECONDS: String(noticeSeconds),
      DRAIN_SECONDS: String(drainSeconds),
      OWNER_MAX_TERMINALS: '0',
    };
    this.#ports = { one: ports[0], two: ports[1] };
  }

  /** Starts one. The end of the test deletes the deployment's boxes and ends it. */
  static async start(t: Scope, deployment: Deployment, timing: Timing): Promise<ReplicatedService> {
    const ports: [number, number] = [await freePort(), await freePort()];
    const service = new ReplicatedService(deployment, timing, ports);
    t.teardown(() => service.#remove());
    await Promise.all(NAMES.map((name) => service.#launch(name)));
    service.#balancer = await startLoadBalancer(t, ports, timing.checkSeconds);
    return service;
  }

  /** Its address for clients: the proxy's. */
  get base(): string {
    return this.#balancer.base;
  }

  replica(name: Name): Server {
    return this.#servers.get(name) as Server;
  }

  /** Starts a replica that has ended, and waits until the proxy sends clients to it. */
  async startAgain(name: Name): Promise<void> {
    await this.#launch(name);
    await this.#balancer.until(name, 'UP');
  }

  /** Waits until the proxy sends nobody to a replica any more. */
  async left(name: Name): Promise<void> {
    await this.#balancer.until(name, 'DOWN');
  }

  /** The names of the terminals whose connections a replica has. */
  async terminals(name: Name): Promise<string[]> {
    const { rows } = await this.deployment.pool.query<{ terminal: string }>(
      `select terminal from connection join replica on replica.id = replica_id where address like '%:' || $1`,
      [this.#ports[name]],
    );
    return rows.map(({ terminal }) => terminal);
  }

  async #launch(name: Name): Promise<void> {
    this.#servers.set(name, await launchServer({ ...this.#env, PORT: String(this.#ports[name]) }));
  }

  async #remove(): Promise<void> {
    const servers = [...this.#servers.values()];
    const server = servers.find(({ runs }) => runs);
    if (server) {
      for (const id of await this.deployment.rows()) await call(server, 'DELETE', `/v1/dockbox/${id}`);
    }
    await Promise.all(servers.map((each) => each.end('SIGKILL')));
  }
}
