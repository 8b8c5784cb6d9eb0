import type { FastifyInstance } from 'fastify';
import type { Test } from 'tap';
import { buildApp } from '../../app.js';
import { SERVICE } from '../../lib/auth/principal.js';
import type { Service } from './client.js';
import { type Deployment, makeDeployment } from './deployment.js';

export type App = FastifyInstance & { base: string; deployment: Deployment };

/** Another replica of a deployment, in this process. */
export async function startReplica(
  t: Test,
  { env }: Pick<Deployment, 'env'>,
): Promise<FastifyInstance & Service> {
  const app = await buildApp(env);
  t.teardown(() => app.close());
  return Object.assign(app, { base: await app.listen({ host: '127.0.0.1', port: 0 }) });
}

/** A service in this process, listening, with a deployment of its own; the test's end deletes its boxes. */
export async function startApp(t: Test, variables: NodeJS.ProcessEnv = {}): Promise<App> {
  const deployment = await makeDeployment(t, variables);
  const app = await buildApp(deployment.env);
  t.teardown(async () => {
    for (const id of await deployment.rows()) await app.boxes.delete(SERVICE, id);
    await app.close();
  });
  const base = await app.listen({ host: '127.0.0.1', port: 0 });
  return Object.assign(app, { base, deployment });
}
