import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type Docker from 'dockerode';
import pg from 'pg';
import { connectDocker, disconnectDocker } from '../../lib/docker.js';
import type { Scope } from './scope.js';

/** A deployment of the test's own: a database, a mount point, and the containers that carry its label. */
export class Deployment {
  /** What a server of this deployment is configured with. */
  readonly env: NodeJS.ProcessEnv;
  readonly docker: Docker;
  readonly mountPoint: string;
  readonly pool: pg.Pool;

  constructor(database: string, mountPoint: string, variables: NodeJS.ProcessEnv, engine?: string) {
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
    this.docker = connectDocker({
      DOCKER_SERVER_HOST: engine ?? process.env.DOCKER_SERVER_HOST ?? '/var/run/docker.sock',
    });
    this.pool = new pg.Pool({ ...address(this.env), max: 2 });
    this.pool.on('error', () => {});
  }

  /** The names of this deployment's containers, running or not. */
  async containers(): Promise<string[]> {
    const { rows } = await this.pool.query("select to_regclass('deployment') as made");
    if (!rows[0].made) return [];
    const deployment = await this.pool.query('select id from deployment');
    const filters = { label: [`dockbox.deployment=${deployment.rows[0].id}`] };
    const containers = await this.docker.listContainers({ all: true, filters });
    return containers.map(({ Names }) => Names[0]?.slice(1) ?? '');
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
    const container = this.docker.getContainer(`dockbox-${id}`);
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
 * @param engine the address of the engine that runs its containers, when it is not the machine's
 */
export async function makeDeployment(
  t: Scope,
  variables: NodeJS.ProcessEnv = {},
  engine?: string,
): Promise<Deployment> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const mountPoint = path.join(process.env.MOUNT_POINT ?? '', name);
  const server = { ...process.env, ...variables };
  await administer(server, `create database ${name}`);
  await mkdir(mountPoint, { recursive: true });
  const deployment = new Deployment(name, mountPoint, variables, engine);
  t.teardown(async () => {
    const left = [...(await deployment.containers()), ...(await deployment.workspaces())];
    for (const container of await deployment.containers()) {
      await deployment.docker.getContainer(container).remove({ force: true, v: true });
    }
    await rm(mountPoint, { recursive: true });
    await deployment.pool.end();
    disconnectDocker(deployment.docker);
    await administer(server, `drop database ${name} with (force)`);
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

async function administer(server: NodeJS.ProcessEnv, sql: string): Promise<void> {
  const client = new pg.Client(address(server));
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
