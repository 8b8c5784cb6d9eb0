import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import Docker from 'dockerode';
import type { Config } from './config.js';
import { errors } from './errors.js';
import { publish } from './events.js';

type Address = Pick<Config, 'DOCKER_SERVER_HOST' | 'DOCKER_CERT_PATH'>;

/** Where an engine is, as a client knows it. */
type Location = Pick<Docker.DockerOptions, 'socketPath' | 'host' | 'port' | 'protocol'>;

/**
 * A client of the Docker engine that the configuration names: a unix path (`/var/run/docker.sock` or `unix://…`),
 * `host:port`, or a `tcp://`, `http://` or `https://` URL; or several, separated by commas, of which the first is used until
 * {@link useNext}. With DOCKER_CERT_PATH the connection is mutual TLS with that directory's `ca.pem`, `cert.pem` and
 * `key.pem`, as the `docker` command does it. Nothing is sent yet.
 * @throws when DOCKER_SERVER_HOST is none of these, or a certificate file can't be read
 */
export function connectDocker({
  DOCKER_SERVER_HOST: addresses,
  DOCKER_CERT_PATH: certificates,
}: Address): Docker {
  const locations = addresses.split(',').map((address) => locate(address.trim(), certificates !== undefined));
  const [first, ...others] = locations as [Location, ...Location[]];
  if (others.some(({ protocol }) => protocol !== first.protocol)) {
    throw new Error(
      'DOCKER_SERVER_HOST has addresses with TLS and without: give all of them the one or the other.',
    );
  }
  const docker = client({
    ...first,
    ...(first.protocol === 'https' &&
      certificates && {
        ca: readFileSync(path.join(certificates, 'ca.pem')),
        cert: readFileSync(path.join(certificates, 'cert.pem')),
        key: readFileSync(path.join(certificates, 'key.pem')),
      }),
  });
  if (others.length > 0) alternatives.set(docker, locations);
  return docker;
}

/** The locations of clients that have several; the first one is in use. */
const alternatives = new WeakMap<Docker, Location[]>();

/** Has a client that knows several engines use the next one, and drops its connections; one that knows no other goes on. */
export function useNext(docker: Docker): void {
  const locations = alternatives.get(docker);
  const current = locations?.shift();
  if (!locations || !current) return;
  locations.push(current);
  const nowhere = { socketPath: undefined, socketPathCache: undefined, host: undefined, port: undefined };
  Object.assign(docker.modem, nowhere, locations[0]);
  disconnectDocker(docker);
}

function locate(address: string, certificates: boolean): Location {
  const socketPath = address.replace(/^unix:\/\//, '');
  if (socketPath.startsWith('/')) return { socketPath, protocol: 'http' };
  const { secure, host, port } = parseAddress(address);
  const tls = secure || certificates;
  return { host, port: port ?? (tls ? 2376 : 2375), protocol: tls ? 'https' : 'http' };
}

/** The open connections of each client, streams of terminals included: those an agent itself forgets. */
const connections = new WeakMap<Docker, Set<Duplex>>();

/** A client with connections of its own, so that they can be dropped; the types don't know that there may be some. */
function client(options: Docker.DockerOptions): Docker {
  const agent = new (options.protocol === 'https' ? https : http).Agent({ keepAlive: true });
  const open = new Set<Duplex>();
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (...args: Parameters<typeof connect>) => {
    const connection = connect(...args);
    if (connection) open.add(connection.once('close', () => open.delete(connection)));
    return connection;
  };
  const docker = new Docker({ ...options, agent } as Docker.DockerOptions);
  connections.set(docker, open);
  return docker;
}

/** Drops the client's connections, those too on which an answer is still awaited, and streams that were hijacked. */
export function disconnectDocker(docker: Docker): void {
  for (const connection of connections.get(docker) ?? []) connection.destroy();
}

/** Why the engine does not answer a ping within so many ms; undefined when it does. */
export function silence(docker: Docker, timeoutMs: number): Promise<Error | undefined> {
  // The types don't know that it can be given up.
  const ping = docker.ping.bind(docker) as (options: object) => Promise<unknown>;
  return ping({ abortSignal: AbortSignal.timeout(timeoutMs) }).then(
    () => undefined,
    (error: Error) => error,
  );
}

/** Whether the engine answers within so many ms. */
export async function answers(docker: Docker, timeoutMs: number): Promise<boolean> {
  return (await silence(docker, timeoutMs)) === undefined;
}

function parseAddress(address: string) {
  const [, scheme = 'tcp', rest = ''] = /^(?:(tcp|https?):\/\/)?(.+)$/.exec(address) ?? [];
  // Parsed under a scheme of no known default port: WHATWG URL drops the 80 of http:// and the 443 of https://.
  const url = URL.canParse(`tcp://${rest}`) ? new URL(`tcp://${rest}`) : undefined;
  if (!url?.hostname || rest.includes('://')) {
    throw new Error(
      `DOCKER_SERVER_HOST "${address}" is not an address: give a unix path, host:port, or a tcp://, http:// or https:// URL.`,
    );
  }
  return {
    secure: scheme === 'https',
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port ? Number(url.port) : undefined,
  };
}

/** The HTTP status of the engine's answer, or undefined when it was not an answer of the engine's. */
export function statusOf(error: unknown): number | undefined {
  // Our own errors have a status, too: the one that our clients get.
  return error instanceof errors.EngineUnavailable
    ? undefined
    : (error as { statusCode?: number }).statusCode;
}

/** The exit status of a process that SIGKILL ended. */
export const KILLED = 137;

/** How long the engine may take to answer, in ms: less than the database lets a transaction wait for it. */
const ANSWER_TIMEOUT_MS = 20_000;

/**
 * Waits for the engine. A connection that failed, as opposed to an answer that refuses, becomes EngineUnavailable, and so
 * does an answer that does not come.
 * @param timeoutMs Infinity for what may take any time
 */
export async function ask<Result>(call: Promise<Result>, timeoutMs = ANSWER_TIMEOUT_MS): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    if (timeoutMs === Number.POSITIVE_INFINITY) return;
    timer = setTimeout(() => reject(new errors.EngineUnavailable('no answer in time.')), timeoutMs);
  });
  try {
    return await Promise.race([call, late]);
  } catch (error) {
    const status = statusOf(error);
    if (status === undefined || status >= 500) {
      publish('dockbox.engine-error', { kind: status === undefined ? 'unavailable' : 'failed' });
    }
    if (error instanceof errors.EngineUnavailable || status !== undefined) throw error;
    const unavailable = new errors.EngineUnavailable(inWords(error as NodeJS.ErrnoException));
    unavailable.cause = error;
    throw unavailable;
  } finally {
    clearTimeout(timer);
  }
}

/** What became of a connection, for clients: they are not to see where the engine is. */
function inWords({ code = '' }: NodeJS.ErrnoException): string {
  return ['ECONNREFUSED', 'ENOENT'].includes(code) ? 'it is not there.' : 'the connection to it is lost.';
}

/** Turns the given statuses of the engine into a result, for operations that count as done then. */
export async function tolerate<Result>(
  call: Promise<Result>,
  ...statuses: number[]
): Promise<Result | number> {
  try {
    return await call;
  } catch (error) {
    const status = statusOf(error);
    if (status !== undefined && statuses.includes(status)) return status;
    throw error;
  }
}

/** What the engine has, or undefined when it has no such thing. */
export async function found<Result>(call: Promise<Result>): Promise<Result | undefined> {
  try {
    return await call;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}
