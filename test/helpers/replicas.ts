import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { Boxes } from '../../lib/boxes/boxes.js';
import { FetchPool } from '../../lib/boxes/fetch-pool.js';
import { Quotas } from '../../lib/boxes/quotas.js';
import { Workspaces } from '../../lib/boxes/workspace.js';
import { readConfig } from '../../lib/config.js';
import { ConnectionManager } from '../../lib/connections/manager.js';
import { Sweep } from '../../lib/connections/sweep.js';
import { migrate, poolOptions } from '../../lib/database.js';
import { connectDocker } from '../../lib/docker.js';
import { SingleEngine } from '../../lib/engines/single.js';
import type { Log } from '../../lib/log.js';
import { Tools } from '../../lib/tools.js';
import { ROOT } from '../../lib/user.js';
import { type Deployment, makeDeployment } from './deployment.js';
import type { Scope } from './scope.js';

const nothing = () => {};
const silent: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/** What a server process has of the domain, without the server: nothing happens in it but what the test does. */
export type Replica = { connections: ConnectionManager; boxes: Boxes; fetchPool: FetchPool; sweep: Sweep };

/** A deployment whose replicas are in this process. */
export type Replicas = {
  deployment: Deployment;
  /** The pool of the replicas. */
  pool: pg.Pool;
  /** A new replica, registered; its heart beats when the test says so. */
  start: () => Promise<Replica>;
};

/**
 * @param variables configuration of the replicas
 * @param overrides of the pool that they share
 */
export async function makeReplicas(
  t: Scope,
  variables: NodeJS.ProcessEnv = {},
  overrides: pg.PoolConfig = {},
): Promise<Replicas> {
  const deployment = await makeDeployment(t, variables);
  const config = readConfig(deployment.env);
  const pool = new pg.Pool({ ...poolOptions(config), ...overrides });
  t.teardown(() => pool.end());
  await migrate(pool);
  const { rows } = await pool.query<{ id: string }>('select id from deployment');
  const docker = connectDocker(config);
  const workspaces = new Workspaces(deployment.mountPoint, async () => docker, config.BASE_IMAGE);
  const limits = {
    memoryBytes: config.BOX_MEMORY_BYTES,
    cpus: config.BOX_CPUS,
    pids: config.BOX_PIDS,
    user: ROOT,
  };
  const engine = new SingleEngine({
    docker,
    deployment: rows[0]?.id ?? '',
    limits,
    tools: new Tools(docker, config.BASE_IMAGE),
    workspace: (id) => workspaces.path(id),
  });
  const leaseSeconds = config.LEASE_SECONDS;
  const quotas = new Quotas({ boxes: 0, running: 0, terminals: 0, createsPerMinute: 0 });
  const shared = { pool, engine, workspaces, log: silent };

  return {
    deployment,
    pool,
    async start() {
      const connections = new ConnectionManager({ pool, address: 'test', leaseSeconds, quotas, log: silent });
      // It finds that it has no row, and registers. Unlike open(), this starts no timer.
      await connections.heartbeat();
      const fetchLimits = {
        timeoutSeconds: config.FETCH_TIMEOUT_SECONDS,
        maxBytes: config.WORKSPACE_MAX_BYTES,
      };
      const fetchPool = new FetchPool({
        ...shared,
        connections,
        size: config.FETCH_POOL_SIZE,
        image: config.BASE_IMAGE,
        limits: fetchLimits,
      });
      const boxes = new Boxes({
        ...shared,
        connections,
        fetchPool,
        fetchLimits,
        quotas,
        baseImage: config.BASE_IMAGE,
        allowPrivateSources: true,
        user: ROOT,
        env: {},
      });
      const sweep = new Sweep({
        ...shared,
        replicaId: connections.replicaId,
        leaseSeconds,
        idleTimeoutSeconds: config.IDLE_TIMEOUT_SECONDS,
        tools: true,
      });
      return { connections, boxes, fetchPool, sweep };
    },
  };
}

/** Adds the row of a box that is ready and runs, without a container: to stop what is not there counts as done. */
export async function insertReadyBox(pool: pg.Pool): Promise<string> {
  const id = randomUUID();
  await pool.query(
    `insert into dockbox (id, owner, name, url, status, running, idle_since)
     values ($1::uuid, 'local', 'b-' || $1::text, 'https://example.com/a.zip', 'ready', true, now())`,
    [id],
  );
  return id;
}
