import { text as readAll } from 'node:stream/consumers';
import { unwrap as unwrapAnswer } from 'dockbox-client';
import type { CommandArguments } from '../command.js';
import { readConfig, writeConfig } from '../config.js';
import { CommandError } from '../errors.js';
import { printable } from '../output.js';
import { readSecret } from '../secret.js';
import { clientOf, environmentToken, serviceUrl, unwrap } from '../service.js';

/** Keeps a service's address and, where one has to prove who one is, a key, once it has been found to be good. */
export async function run({ positionals, text }: CommandArguments): Promise<number> {
  const config = await readConfig();
  const anybody = clientOf(serviceUrl(positionals[0] ?? text('url'), config));
  const { baseUrl } = anybody;
  const open = await unwrapAnswer(anybody.GET('/v1/session')).catch((error) => {
    if (error.statusCode === 401) return undefined;
    throw error;
  });
  if (open) {
    await writeConfig({ ...config, url: baseUrl });
    process.stdout.write(`${baseUrl} asks nobody who they are: you are in.\n`);
    return 0;
  }
  const token = environmentToken() ?? (await askToken(baseUrl));
  const client = clientOf(baseUrl, token);
  const { owner } = await unwrap(client.GET('/v1/session'));
  await writeConfig({ url: baseUrl, tokens: { ...config.tokens, [baseUrl]: token } });
  process.stdout.write(`You are in at ${baseUrl}, as ${printable(owner)}.\n`);
  return 0;
}

/** Keys are no arguments: everybody on a machine sees those. */
async function askToken(baseUrl: string): Promise<string> {
  const given = process.stdin.isTTY
    ? await readSecret(`API key for ${baseUrl}: `)
    : await readAll(process.stdin);
  const token = given.trim();
  if (token === '') throw new CommandError('No API key was given.');
  return token;
}
