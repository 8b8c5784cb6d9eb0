import { tarGz } from './archives.js';
import { call, type Service } from './client.js';
import { serve, startHttpServer } from './http-server.js';
import type { Scope } from './scope.js';

/** Makes a box named `box`, or as `body` says, with `src/README` in it. @returns its id */
export function createBox(t: Scope, service: Service, body: object = {}): Promise<string> {
  return createWith(t, service, body, {});
}

/** The same as the owner of an API key. */
export function createBoxOf(t: Scope, service: Service, key: string): Promise<string> {
  return createWith(t, service, {}, { authorization: `Bearer ${key}` });
}

async function createWith(t: Scope, service: Service, body: object, headers: Record<string, string>) {
  const request = { url: await serveSource(t), name: 'box', ...body };
  const answer = await call(service, 'POST', '/v1/dockbox', request, headers);
  if (answer.status !== 201) throw new Error(`The box could not be created: ${JSON.stringify(answer.body)}`);
  return answer.body.id as string;
}

/** Serves a source with `src/README` in it. @returns its address */
export async function serveSource(t: Scope): Promise<string> {
  const archive = tarGz([{ name: 'hello/src/README', content: 'hello\n' }]);
  const server = await startHttpServer(t, serve({ '/hello.tar.gz': archive }));
  return `${server.url}/hello.tar.gz`;
}
