import { once } from 'node:events';
import type { FastifyInstance } from 'fastify';
import { buildApp } from './app.js';
import { type Config, readConfig } from './lib/config.js';
import { provideDatabase } from './lib/provide-database.js';

/** How long answers that are being sent may take once the service closes, in ms. */
const CLOSE_TIMEOUT_MS = 2000;

/** Runs the service until SIGTERM or SIGINT, then drains and closes what it opened. */
export async function start(): Promise<void> {
  const config = readConfig();
  const { stop, hurry } = heedSignals();
  const { address: database, stop: leaveDatabase } = await provideDatabase(config, console.log);
  const env = database
    ? { ...process.env, DATABASE_HOST: database.host, DATABASE_PORT: String(database.port) }
    : process.env;

  try {
    const app = await buildApp(env);
    try {
      const address = await listen(app, config);
      console.log(greeting(address, config.AUTH));
      const first = config.AUTH === 'token' ? await app.auth.keys.createFirst() : undefined;
      // To the terminal alone, as it lets its bearer do everything. In the fragment, which no browser sends.
      if (first) console.log(firstKey(address, first.key));
      // One that came while this started is heeded now, when all can be closed again.
      await aborted(stop);
      await Promise.race([app.drain.begin(), aborted(hurry)]);
    } finally {
      // A client that does not read its answer would hold up the end.
      const deadline = setTimeout(() => app.server.closeAllConnections(), CLOSE_TIMEOUT_MS);
      await app.close();
      clearTimeout(deadline);
    }
  } finally {
    await leaveDatabase();
  }
}

/**
 * Whoever manages many replicas has them drain, with SIGTERM; a person's Ctrl-C, or a second signal, does not wait. One
 * more ends the process, whatever it does.
 */
function heedSignals(): { stop: AbortSignal; hurry: AbortSignal } {
  const stop = new AbortController();
  const hurry = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => {
    if (stop.signal.aborted) process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
    if (stop.signal.aborted || signal === 'SIGINT') hurry.abort();
    stop.abort();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  return { stop: stop.signal, hurry: hurry.signal };
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}

/** @returns the address that it listens at */
async function listen(app: FastifyInstance, { HOST: host, PORT: port }: Config): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new Error(`Port ${port} of ${host} is taken by another program: set PORT to a free one.`);
    }
    if (code === 'EACCES') {
      throw new Error(`This user may not listen on port ${port}: set PORT to one above 1023.`);
    }
    throw error;
  }
}

function greeting(address: string, auth: Config['AUTH']): string {
  const credential = auth === 'none' ? '' : ' -H "Authorization: Bearer $DOCKBOX_TOKEN"';
  return `
dockbox listens at ${address}. Try:

  curl -s ${address}/v1/dockbox${credential} -H 'content-type: application/json' -d '{"url":"https://github.com/fastify/demo"}'

and connect a WebSocket client to the address that it answers; or open ${address} in a browser. The API's pages are
at ${address}/docs
`;
}

const firstKey = (address: string, key: string) => `\
    This is the first start: here is an admin's API key. It is shown only now.

        export DOCKBOX_TOKEN=${key}

    or open  ${address}/#key=${key}

    For more keys: npm run key -- create NAME
`;
