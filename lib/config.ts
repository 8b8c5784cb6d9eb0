import path from 'node:path';
import { envSchema } from 'env-schema';
import { type Static, Type } from 'typebox';
import { projectRoot } from './paths.js';

const Required = (description: string) => Type.String({ minLength: 1, description });

/** Every setting of the service, as environment variables. The README's table is this schema in words. */
export const ConfigSchema = Type.Object({
  ENVIRONMENT: Type.Enum(['development', 'test', 'production']),
  PORT: Type.Integer({ minimum: 0, maximum: 65535, description: '0 picks a free port' }),
  HOST: Type.String({ default: '127.0.0.1' }),
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
  SWEEP_SECONDS: Type.Number({ exclusiveMinimum: 0, default: 5 }),
  ALLOW_PRIVATE_SOURCES: Type.Boolean({ default: false }),
  FETCH_TIMEOUT_SECONDS: Type.Number({ exclusiveMinimum: 0, default: 300 }),
  WORKSPACE_MAX_BYTES: Type.Integer({ minimum: 1, default: 2 * 1024 ** 3 }),
  BOX_MEMORY_BYTES: Type.Integer({ minimum: 6 * 1024 ** 2, default: 2 * 1024 ** 3 }),
  BOX_CPUS: Type.Number({ exclusiveMinimum: 0, default: 2 }),
  BOX_PIDS: Type.Integer({ minimum: 1, default: 512 }),
  CONTAINER_RUNTIME: Type.Optional(Required('OCI runtime for boxes, such as runsc')),
  DRAIN_SECONDS: Type.Number({ minimum: 0, default: 10 }),
  CORS_ORIGINS: Type.String({ default: '', description: 'Origins, comma-separated; * allows any' }),
  TRUST_PROXY: Type.Boolean({ default: false }),
  LOG_LEVEL: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], { default: 'info' }),
});

export type Config = Static<typeof ConfigSchema>;

/** Options that make env-schema and `@fastify/env` report every problem at once rather than the first. */
export const ajvOptions = {
  customOptions: (ajv: { opts: { allErrors?: boolean } }) => {
    ajv.opts.allErrors = true;
    return ajv;
  },
};

/**
 * Reads and checks the configuration: `env` first, then the committed `.env` for what it lacks.
 * @throws an error whose message names every missing or wrong variable
 */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  try {
    const config = envSchema<Config>({
      schema: ConfigSchema as unknown as Record<string, unknown>,
      data: env,
      dotenv: { path: path.join(projectRoot, '.env') },
      ajv: ajvOptions as never,
    });
    return { ...config, MOUNT_POINT: path.resolve(projectRoot, config.MOUNT_POINT) };
  } catch (error) {
    throw new Error(`Configuration: ${(error as Error).message}. See the README's table of variables.`);
  }
}
