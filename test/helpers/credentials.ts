import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { KeyRequest } from '../../lib/auth/keys.js';
import { SERVICE } from '../../lib/auth/principal.js';
import { call, type Service } from './client.js';

/** A service in this process. */
export type App = FastifyInstance & Service;

/** Makes an API key, as `npm run key` does. */
export function makeKey(app: FastifyInstance, request: Partial<KeyRequest> = {}) {
  return app.auth.keys.create(SERVICE, { name: 'test', owner: 'ana', scope: 'user', ...request });
}

/** The header that a key is sent in. */
export const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

/** Calls the API with a key. */
export const callAs = (service: Service, key: string, method: string, path: string, body?: object) =>
  call(service, method, path, body, bearer(key));

/** The subprotocol that a key is sent in by a browser. */
export const bearerProtocol = (key: string) =>
  `base64url.bearer.authorization.k8s.io.${Buffer.from(key).toString('base64url')}`;

/** Adds the row of a box that is ready and stopped, which has no container. @returns its id */
export async function insertBoxOf(app: FastifyInstance, owner: string, name?: string): Promise<string> {
  const id = randomUUID();
  await app.pg.pool.query(
    `insert into dockbox (id, owner, name, url, status) values ($1, $2, $3, 'https://example.com/a.zip', 'ready')`,
    [id, owner, name ?? `box-${id.slice(0, 8)}`],
  );
  return id;
}
