import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import pg from 'pg';
import { connectDocker, disconnectDocker } from '../../lib/docker.js';
import type { Scope } from './scope.js';

/** SQLSTATE of who may not do what he was told to. */
const INSUFFICIENT_PRIVILEGE = '42501';
/** How often a database is tried to be dropped, and the time between two tries, in ms. */
const DROP_TRIES = 50;
const DROP_PAUSE_MS = 200;

/** A deployment of the test's own: a database, a mount point, and the containers that carry its label. */
export class Deployment {
  /** What a server of this deployment is configured with. */
  readonly env: NodeJS.ProcessEnv;
  /** The engines that run its containers: one, or those of a swarm's nodes, its manager's first. */
  readonly engines: Docker[];
  readonly mountPoint: string;
  readonly pool: pg.Pool;

  constructor(database: string, mountPoint: string, variables: NodeJS.ProcessEnv, engines: string[]) {
    this.env = {
      ...process.env,
      AUTH: 'none',
      ALLOW_PRIVATE_SOURCES: 'true',
      // Hardly a test asks for what they are for, and all would wait for each other's.
      FETCH_POOL_SIZE: '0',
      // All tests come from one address, and a busy machine is no reason to refuse them.
      REQUESTS_PER_MINUTE: '0',
      CONNECTS_PER_MINUTE: '0',
      CONNECTIONS_PER_ADDRESS: '0',
      MAX_EVENT_LOOP_DELAY_MS: '0',
      ...variables,
      DATABASE_NAME: database,
      MOUNT_POINT: mountPoint,
    };
    this.mountPoint = mountPoint;
    // What the servers see through a relay, or not at all, is looked at directly.
    this.engines = engines.map((address) => connectDocker({ DOCKER_SERVER_HOST: address }));
    this.pool = new pg.Pool({ ...address(this.env), max: 2 });
    this.pool.on('error', () => {});
  }

  /** Its only engine, or its manager's. */
  get docker(): Docker {
    return this.engines[0] as Docker;
  }

  /** The names of this deployment's containers, running or not, and of its services. */
  async containers(): Promise<string[]> {
    const things = [...(await this.#find()), ...(await this.#services())];
    return things.map(({ name }) => name);
  }

  /** The ids of boxes that have a container, or a service. */
  async boxes(): Promise<string[]> {
    const things = [...(await this.#find()), ...(await this.#services())];
    return [...new Set(things.map(({ boxId }) => boxId))];
  }

  /** A box's container, on whichever engine it is; one that runs rather than one that does not. */
  async container(id: string): Promise<Docker.Container> {
    const filters = { label: [`dockbox.id=${id}`], name: [`dockbox-${id}`] };
    for (const all of [false, true]) {
      for (const engine of this.engines) {
        const [container] = await engine.listContainers({ all, filters });
        if (container) return engine.getContainer(container.Id);
      }
    }
    throw new Error(`There is no container of the box ${id}.`);
  }

  /** Whether a box has a container that runs. */
  async runs(id: string): Promise<boolean> {
    const container = await this.container(id).catch(() => undefined);
    return container !== undefined && (await container.inspect()).State.Running;
  }

  /** Removes all containers and services that are left. @returns the names of what there was */
  async clear(): Promise<string[]> {
    const services = await this.#services();
    for (const { remove } of services) await remove();
    const containers = await this.#find();
    for (const { remove } of containers) await remove();
    return [...services, ...containers].map(({ name }) => name);
  }

  async #find() {
    const filters = await this.#filters();
    const lists = await Promise.all(
      this.engines.map(async (engine) => {
        const containers = filters ? await engine.listContainers({ all: true, filters }) : [];
        return containers.map(({ Id, Labels, Names }) => ({
          boxId: Labels['dockbox.id'] ?? '',
          name: Names[0]?.slice(1) ?? '',
          remove: () => engine.getContainer(Id).remove({ force: true, v: true }),
        }));
      }),
    );
    return lists.flat();
  }

  async #services() {
    const filters = await this.#filters();
    if (!filters || this.env.ENGINE !== 'swarm') return [];
    const services = await this.docker.listServices({ filters: JSON.stringify(filters) });
    return services.map(({ ID, Spec }) => ({
      boxId: Spec?.Labels?.['dockbox.id'] ?? '',
      name: Spec?.Name ?? ID,
      remove: () => this.docker.getService(ID).remove(),
    }));
  }

  async #filters() {
    const { rows } = await this.pool.query("select to_regclass('deployment') as made");
    if (!rows[0].made) return undefined;
    const deployment = await this.pool.query('select id from deployment');
    return { label: [`dockbox.deployment=${deployment.rows[0].id}`] };
  }

  /** The names of the workspaces' directories. */
  async workspaces(): Promise<string[]> {
    return (await readdir(this.mountPoint)).filter((name) => !name.startsWith('.'));
  }

  /** The ids of the rows. */
  async rows(): Promise<string[]> {
    const { rows } = await this.pool.query<{ id: string }>('select id from dockbox');
    return rows.map(({ id }) => id);
  }

  /** Runs a program in a box's container. @returns what it printed */
  async run(id: string, ...command: string[]): Promise<string> {
    const container = await this.container(id);
    const exec = await container.exec({ Cmd: command, AttachStdout: true, Tty: true });
    const stream = await exec.start({ Tty: true });
    let output = '';
    stream.on('data', (chunk: Buffer) => {
      output += chunk;
    });
    await once(stream, 'end');
    return output;
  }

  /** The command lines of a box's processes, but for the one that asks. */
  async processes(id: string): Promise<string[]> {
    const list =
      'for p in /proc/[0-9]*; do [ $p = /proc/$$ ] || { tr "\\0" " " <$p/cmdline; echo; }; done 2>/dev/null';
    const lines = (await this.run(id, 'sh', '-c', list)).split('\r\n');
    return lines.map((line) => line.trim()).filter((line) => line && !line.startsWith('tr '));
  }
}

/**
 * Makes a deployment, on the database server of `variables`, else of the environment. The test's end removes all that it made, and fails when
 * anything was left that its boxes' deletion should have removed.
 * @param engine the address of the engine that runs its containers, when it is not the machine's; of several, the
 *   manager's first
 */
export async function makeDeployment(
  t: Scope,
  variables: NodeJS.ProcessEnv = {},
  engine: string | string[] = process.env.DOCKER_SERVER_HOST ?? '/var/run/docker.sock',
): Promise<Deployment> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const mountPoint = path.join(process.env.MOUNT_POINT ?? '', name);
  const server = { ...process.env, ...variables };
  await administer(server, `create database ${name}`);
  await mkdir(mountPoint, { recursive: true });
  const deployment = new Deployment(name, mountPoint, variables, [engine].flat());
  t.teardown(async () => {
    const left = [...(await deployment.clear()), ...(await deployment.workspaces())];
    await rm(mountPoint, { recursive: true });
    await deployment.pool.end();
    for (const engine of deployment.engines) disconnectDocker(engine);
    await dropDatabase(server, name);
    if (left.length > 0) throw new Error(`Containers or workspaces are left: ${left.join(', ')}`);
  });
  return deployment;
}

function address(env: NodeJS.ProcessEnv): pg.ClientConfig {
  const { DATABASE_HOST, DATABASE_PORT, DATABASE_USER, DATABASE_PASSWORD, DATABASE_NAME } = env;
  return {
    host: DATABASE_HOST,
    port: Number(DATABASE_PORT),
    user: DATABASE_USER,
    password: DATABASE_PASSWORD,
    database: DATABASE_NAME,
  };
}

/** An autovacuum worker, whom only a superuser may end, has it for a moment. */
async function dropDatabase(server: NodeJS.ProcessEnv, name: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await administer(server, `drop database ${name} with (force)`);
    } catch (error) {
      if ((error as { code?: string }).code !== INSUFFICIENT_PRIVILEGE || tries === DROP_TRIES) throw error;
      await delay(DROP_PAUSE_MS);
    }
  }
}

async function administer(server: NodeJS.ProcessEnv, sql: string): Promise<void> {
  const client = new pg.Client(address(server));
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
