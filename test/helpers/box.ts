import { tarGz } from './archives.js';
import { call, type Service } from './client.js';
import { serve, startHttpServer } from './http-server.js';
import type { Scope } from './scope.js';

/** Makes a box named `box`, or as `body` says, with `src/README` in it. @returns its id */
export async function createBox(t: Scope, service: Service, body: object = {}): Promise<string> {
  const archive = tarGz([{ name: 'hello/src/README', content: 'hello\n' }]);
  const server = await startHttpServer(t, serve({ '/hello.tar.gz': archive }));
  const request = { url: `${server.url}/hello.tar.gz`, name: 'box', ...body };
  const answer = await call(service, 'POST', '/v1/dockbox', request);
  if (answer.status !== 201) throw new Error(`The box could not be created: ${JSON.stringify(answer.body)}`);
  return answer.body.id;
}
