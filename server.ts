import path from 'node:path';
import { buildApp } from './app.js';
import { readConfig } from './lib/config.js';
import { startEmbeddedPostgres } from './lib/embedded-postgres.js';
import { resolveMountPoint } from './lib/paths.js';

/** Runs the service until SIGTERM or SIGINT, then drains and closes what it opened. */
export async function start(): Promise<void> {
  const config = readConfig();
  const database =
    config.DATABASE_HOST === 'embedded'
      ? await startEmbeddedPostgres({
          directory: path.join(resolveMountPoint(config.MOUNT_POINT), 'postgres'),
          port: config.DATABASE_PORT,
          user: config.DATABASE_USER,
          password: config.DATABASE_PASSWORD,
          database: config.DATABASE_NAME,
          log: console.log,
        })
      : undefined;
  const env = database
    ? { ...process.env, DATABASE_HOST: database.host, DATABASE_PORT: String(database.port) }
    : process.env;

  try {
    const app = await buildApp(env);
    const stopped = new Promise<void>((resolve, reject) => {
      let signals = 0;
      const onSignal = (signal: NodeJS.Signals) => {
        signals += 1;
        // Whoever manages many replicas has them drain; a person's Ctrl-C, or a second signal, does not wait.
        const drained = signal === 'SIGTERM' && signals === 1 ? app.drain.begin() : undefined;
        Promise.resolve(drained)
          .then(() => app.close())
          .then(resolve, reject);
      };
      process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
    });
    const address = await app.listen({ host: config.HOST, port: config.PORT });
    console.log(`\ndockbox listens at ${address}. Try:

  curl -s ${address}/v1/dockbox -H 'content-type: application/json' -d '{"url":"https://github.com/fastify/demo"}'

and connect a WebSocket client to the address that it answers. The API's pages are at ${address}/docs\n`);
    await stopped;
  } finally {
    await database?.stop();
  }
}
