import { accessSync, constants } from 'node:fs';
import { isIPv4 } from 'node:net';
import path from 'node:path';
import type { Ajv, ErrorObject } from 'ajv';
import { envSchema } from 'env-schema';
import { type Static, Type } from 'typebox';
import { addressList } from './address-list.js';
import { projectRoot } from './paths.js';
import { trustedProxies } from './proxies.js';

const Required = (description: string) => Type.String({ minLength: 1, description });

/** Every setting of the service, as environment variables. The README's table is this schema in words. */
export const ConfigSchema = Type.Object({
  ENVIRONMENT: Type.Enum(['development', 'test', 'production']),
  PORT: Type.Integer({ minimum: 0, maximum: 65535, description: '0 picks a free port' }),
  HOST: Type.String({ default: '127.0.0.1' }),
  ENGINE: Type.Enum(['single', 'swarm'], { default: 'single' }),
  DOCKER_SERVER_HOST: Required('A unix path, host:port or URL'),
  DOCKER_CERT_PATH: Type.Optional(Required('Directory with ca.pem, cert.pem and key.pem')),
  DATABASE_NAME: Required('Database'),
  DATABASE_HOST: Required('A host name, or "embedded"'),
  DATABASE_PORT: Type.Integer({ minimum: 0, maximum: 65535 }),
  DATABASE_USER: Required('Database role'),
  DATABASE_PASSWORD: Required('Its password'),
  DATABASE_SSL: Type.Enum(['disable', 'require', 'verify'], { default: 'disable' }),
  DATABASE_CA_FILE: Type.Optional(Required('PEM file of the authority that signed the server certificate')),
  DATABASE_POOL_SIZE: Type.Integer({ minimum: 2, default: 10 }),
  MOUNT_POINT: Required('Where workspaces are kept'),
  BASE_IMAGE: Type.String({ minLength: 1, default: 'dockbox/base' }),
  IDLE_TIMEOUT_SECONDS: Type.Number({ minimum: 0, default: 60 }),
  LEASE_SECONDS: Type.Number({
    minimum: 1,
    default: 30,
    description: 'After so much silence a replica is dead; the same on all of them',
  }),
  SWEEP_SECONDS: Type.Number({ exclusiveMinimum: 0, default: 5 }),
  ALLOW_PRIVATE_SOURCES: Type.Boolean({ default: false }),
  FETCH_TIMEOUT_SECONDS: Type.Number({ exclusiveMinimum: 0, default: 300 }),
  FETCH_POOL_SIZE: Type.Integer({ minimum: 0, maximum: 100, default: 2, description: '0 prepares none' }),
  WORKSPACE_MAX_BYTES: Type.Integer({ minimum: 1, default: 2 * 1024 ** 3 }),
  BOX_MEMORY_BYTES: Type.Integer({ minimum: 6 * 1024 ** 2, default: 2 * 1024 ** 3 }),
  BOX_CPUS: Type.Number({ exclusiveMinimum: 0, default: 2 }),
  BOX_PIDS: Type.Integer({ minimum: 1, default: 512 }),
  BOX_RESERVED_MEMORY_BYTES: Type.Integer({ minimum: 0, default: 256 * 1024 ** 2 }),
  BOX_RESERVED_CPUS: Type.Number({ minimum: 0, default: 0.1 }),
  FENCE_SECONDS: Type.Number({ minimum: 3, default: 10 }),
  BOX_DISK_BYTES: Type.Integer({ minimum: 1, default: 10 * 1024 ** 3 }),
  DISK_CHECK_SECONDS: Type.Number({ exclusiveMinimum: 0, default: 60 }),
  BOX_USER: Type.String({
    pattern: '^(root|[1-9]\\d{0,5}:[1-9]\\d{0,5})$',
    default: 'root',
    description: 'root or uid:gid',
  }),
  CONTAINER_RUNTIME: Type.Optional(Required('OCI runtime for boxes, such as runsc')),
  BOX_EGRESS: Type.Enum(['filtered', 'required', 'open'], { default: 'filtered' }),
  BOX_EGRESS_ALLOW: Type.String({ default: '', description: 'Networks that boxes may reach all the same' }),
  BOX_EGRESS_DENY: Type.String({ default: '', description: 'Networks that boxes may not reach either' }),
  REQUESTS_PER_MINUTE: Type.Integer({ minimum: 0, default: 600, description: 'Of an address; 0 for any' }),
  CONNECTIONS_PER_ADDRESS: Type.Integer({
    minimum: 0,
    default: 1000,
    description: 'Open at the same time, to one server; 0 for any',
  }),
  CONNECTS_PER_MINUTE: Type.Integer({ minimum: 0, default: 120, description: 'Of an address; 0 for any' }),
  MAX_EVENT_LOOP_DELAY_MS: Type.Integer({ minimum: 0, default: 1000, description: '0 never sheds' }),
  DRAIN_NOTICE_SECONDS: Type.Number({
    minimum: 0,
    default: 0,
    description: 'After SIGTERM, until it takes nothing new: what load balancers need to find that out',
  }),
  DRAIN_SECONDS: Type.Number({ minimum: 0, default: 10 }),
  CORS_ORIGINS: Type.String({ default: '', description: 'Origins, comma-separated; * allows any' }),
  TRUST_PROXY: Type.String({
    minLength: 1,
    default: 'false',
    description: 'true, false, a number of proxies, or their addresses',
  }),
  AUTH: Type.Enum(['token', 'jwt', 'none'], { default: 'token' }),
  JWT_ISSUER: Type.Optional(Required('URL of the OpenID Connect issuer')),
  JWT_AUDIENCE: Type.Optional(Required('Whom its tokens have to be for')),
  JWT_SCOPE_CLAIM: Type.String({ minLength: 1, default: 'scope' }),
  JWT_ALB_ARN: Type.Optional(Required('The load balancer that signs in')),
  JWT_ALB_KEYS_URL: Type.Optional(Required('Where its public keys are; by default those of its region')),
  OWNER_MAX_BOXES: Type.Integer({ minimum: 0, default: 100 }),
  OWNER_MAX_RUNNING: Type.Integer({ minimum: 0, default: 20 }),
  OWNER_MAX_TERMINALS: Type.Integer({ minimum: 0, default: 100 }),
  OWNER_CREATES_PER_MINUTE: Type.Integer({ minimum: 0, default: 30 }),
  PING_SECONDS: Type.Number({ exclusiveMinimum: 0, default: 25, description: 'Between pings of a terminal' }),
  LOG_LEVEL: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], { default: 'info' }),
});

export type Config = Static<typeof ConfigSchema>;

/**
 * Options for `@fastify/env` and env-schema: variables come from `env`, then from the committed `.env` for what it
 * lacks, and every problem is reported at once rather than the first.
 */
export function configOptions(env: NodeJS.ProcessEnv) {
  return {
    // env-schema marks the schema that it is given.
    schema: structuredClone(ConfigSchema) as object,
    data: env,
    env: false,
    dotenv: { path: path.join(projectRoot, '.env') },
    ajv: {
      customOptions: (ajv: Ajv) => {
        ajv.opts.allErrors = true;
        return ajv;
      },
    },
  };
}

/**
 * Reads and checks the configuration.
 * @throws an error whose message names every missing or wrong variable
 */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  let config: Config;
  try {
    config = envSchema<Config>(configOptions(env));
  } catch (error) {
    throw new Error(configProblems(error as Error));
  }
  const problems = [...unreadableFiles(config), ...authProblems(config), ...wrongAddresses(config)];
  if (problems.length > 0) throw new Error(inWords(problems));
  return config;
}

/** What is wrong with the configuration, in words, from env-schema's error. */
export function configProblems(error: Error & { errors?: ErrorObject[] }): string {
  const problems = (error.errors ?? []).map(({ instancePath, keyword, params, message }) => {
    if (keyword === 'required') return `${params.missingProperty} is missing`;
    const values = keyword === 'enum' ? `: ${params.allowedValues.join(', ')}` : '';
    return `${instancePath.slice(1)} ${message}${values}`;
  });
  return inWords(problems.length ? problems : [error.message]);
}

/** Files that variables name and that can't be read: told at the start rather than when they are needed. */
function unreadableFiles({ DATABASE_CA_FILE: authority, DOCKER_CERT_PATH: certificates }: Config): string[] {
  const files: [variable: string, file: string][] = [];
  if (authority) files.push(['DATABASE_CA_FILE', authority]);
  for (const name of certificates ? ['ca.pem', 'cert.pem', 'key.pem'] : []) {
    files.push(['DOCKER_CERT_PATH', path.join(certificates ?? '', name)]);
  }
  return files.flatMap(([variable, file]) => {
    try {
      accessSync(file, constants.R_OK);
      return [];
    } catch (error) {
      return [`${variable}: ${file} can't be read (${(error as NodeJS.ErrnoException).code})`];
    }
  });
}

function wrongAddresses(config: Config): string[] {
  const readers = {
    BOX_EGRESS_ALLOW: addressList,
    BOX_EGRESS_DENY: addressList,
    TRUST_PROXY: trustedProxies,
  };
  return (Object.keys(readers) as (keyof typeof readers)[]).flatMap((variable) => {
    try {
      readers[variable](config[variable]);
      return [];
    } catch (error) {
      return [`${variable}: ${(error as Error).message}`];
    }
  });
}

/** Variables that don't go together: a service that would let anybody in does not start. */
function authProblems(config: Config): string[] {
  const { AUTH, HOST, JWT_ISSUER, JWT_AUDIENCE, JWT_ALB_ARN, JWT_ALB_KEYS_URL } = config;
  const problems: string[] = [];
  if (AUTH === 'none' && !isLoopback(HOST)) {
    problems.push(`AUTH=none lets everybody in who reaches ${HOST}: set HOST to 127.0.0.1, or AUTH to token`);
  }
  if (AUTH === 'jwt' && !JWT_ISSUER && !JWT_ALB_ARN) {
    problems.push('AUTH=jwt needs JWT_ISSUER with JWT_AUDIENCE, or JWT_ALB_ARN');
  }
  if (JWT_ISSUER && !JWT_AUDIENCE)
    problems.push('JWT_ISSUER needs JWT_AUDIENCE: tokens for others are not for us');
  if (JWT_ALB_ARN && !ALB_ARN.test(JWT_ALB_ARN))
    problems.push('JWT_ALB_ARN is not the ARN of a load balancer');
  for (const [name, url] of Object.entries({ JWT_ISSUER, JWT_ALB_KEYS_URL })) {
    if (url && !isTrustworthy(url)) problems.push(`${name} must be an https URL`);
  }
  return problems;
}

/** Of an Application Load Balancer; its third part is the region. */
export const ALB_ARN = /^arn:aws[\w-]*:elasticloadbalancing:([\w-]+):\d+:loadbalancer\/app\/[\w./-]+$/;

/** Whether only this machine reaches what listens on a host. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/** Whether what is fetched from a URL is what its owner has put there. */
export function isTrustworthy(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname.replace(/^\[|\]$/g, '')));
}

const inWords = (problems: string[]) =>
  `The configuration is wrong (the README's table explains each variable):\n  - ${problems.join('\n  - ')}`;
