import { setTimeout as delay } from 'node:timers/promises';
import type { Box, DockboxClient } from 'dockbox-client';
import type { CommandArguments } from '../command.js';
import { CommandError } from '../errors.js';
import { printable, printJson, spinning } from '../output.js';
import { readSecret } from '../secret.js';
import { connectService, unwrap } from '../service.js';

/** Between looks at a box that is being created, in ms. */
const POLL_MS = 500;

export async function run(args: CommandArguments): Promise<number> {
  const client = await connectService(args);
  const token = args.flag('credentials') ? await askToken() : undefined;
  const box = await create(client, args, token);
  const isDetached = args.flag('json') || args.flag('detach');
  if (process.stdin.isTTY && !isDetached) return interact(client, box);

  const ready = await spinning(`Making ${box.name}`, () => untilReady(client, box));
  for (const warning of ready.warnings) process.stderr.write(`dockbox: ${printable(warning)}\n`);
  if (args.flag('json')) printJson(ready);
  else if (isDetached) process.stdout.write(`${ready.name}\n`);
  else return (await import('../terminal/piped.js')).runPiped(client, ready.id);
  return 0;
}

/** Tokens are no arguments: everybody on a machine sees those. What is piped in is for the box. */
async function askToken(): Promise<string> {
  const { DOCKBOX_SOURCE_TOKEN: known } = process.env;
  const token = known ?? (process.stdin.isTTY ? await readSecret('Token that may read the source: ') : '');
  if (token.trim() === '') {
    throw new CommandError('A private source needs a token that may read it: set DOCKBOX_SOURCE_TOKEN.');
  }
  return token.trim();
}

/** Begins to make it, and does not wait. */
function create(
  client: DockboxClient,
  { positionals: [url = ''], text }: CommandArguments,
  token: string | undefined,
): Promise<Box> {
  const [ref, image, name, directory] = ['ref', 'image', 'name', 'directory'].map(text);
  return unwrap(
    client.POST('/v1/dockbox', {
      params: { header: { prefer: 'wait=0' } },
      body: {
        url,
        ...(ref !== undefined && { ref }),
        ...(image !== undefined && { image }),
        ...(name !== undefined && { name }),
        ...(directory !== undefined && { directory }),
        ...(token !== undefined && { credentials: { token } }),
      },
    }),
  );
}

/** The terminal shows how it is being made, and why it could not be. */
async function interact(client: DockboxClient, { id, name }: Box): Promise<number> {
  process.stderr.write(`This is ${name}: "dockbox connect ${name}" brings you back.\n`);
  const { interact } = await import('../terminal/interactive.js');
  let status = 1;
  try {
    status = await interact(client, { box: id });
    return status;
  } finally {
    if (status !== 0) await removeFailed(client, id);
  }
}

/** @throws {CommandError} when it could not be made */
async function untilReady(client: DockboxClient, { id }: Box): Promise<Box> {
  for (;;) {
    const box = await unwrap(client.GET('/v1/dockbox/{id}', { params: { path: { id } } }));
    if (box.status === 'ready') return box;
    if (box.status === 'failed') {
      await removeFailed(client, id);
      throw new CommandError(`The dockbox could not be made: ${box.error}`);
    }
    await delay(POLL_MS);
  }
}

/** Nothing is left of a box that could not be made, as if it had been waited for. */
async function removeFailed(client: DockboxClient, id: string): Promise<void> {
  const params = { path: { id } };
  const { data } = await client.GET('/v1/dockbox/{id}', { params });
  if (data?.status === 'failed') await unwrap(client.DELETE('/v1/dockbox/{id}', { params }));
}
