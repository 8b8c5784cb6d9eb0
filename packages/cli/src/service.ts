import {
  createClient,
  type DockboxClient,
  DockboxError,
  type TerminalLink,
  unwrap as unwrapAnswer,
} from 'dockbox-client';
import type { CommandArguments } from './command.js';
import { type Config, readConfig } from './config.js';
import { CommandError } from './errors.js';

const DEFAULT_URL = 'http://localhost:3000';

/**
 * A client of the service that a link leads to; without one, of that which the command line, the environment or the configuration
 * names.
 * @throws {CommandError}
 */
export async function connectService(
  { text }: CommandArguments,
  link?: TerminalLink,
): Promise<DockboxClient> {
  if (link?.ticket !== undefined) return clientOf(link.baseUrl, link.ticket);
  const config = await readConfig();
  const { baseUrl: own } = clientOf(serviceUrl(text('url'), config));
  const baseUrl = link?.baseUrl ?? own;
  // A key in the environment is that service's: a link may lead anywhere.
  const token = baseUrl === own ? environmentToken() : undefined;
  return clientOf(baseUrl, token ?? config.tokens[baseUrl]);
}

/** The address of the service to use. */
export function serviceUrl(given: string | undefined, config: Config): string {
  return given || process.env.DOCKBOX_URL || config.url || DEFAULT_URL;
}

export const environmentToken = () => process.env.DOCKBOX_TOKEN?.trim() || undefined;

/** @throws {CommandError} when the address is none, or the key can't be one */
export function clientOf(baseUrl: string, token?: string): DockboxClient {
  if (token !== undefined && !/^[\w.~+/=-]+$/.test(token)) {
    throw new CommandError(
      'The API key has characters that none has: run "dockbox login" to enter it again.',
    );
  }
  try {
    return createClient({ baseUrl, token });
  } catch {
    throw new CommandError(`"${baseUrl}" is no address of a service, such as https://dockbox.example.com.`);
  }
}

/** What an operation answered. @throws {CommandError} with what to do */
export async function unwrap<Data>(
  ...operation: Parameters<typeof unwrapAnswer<Data>>
): Promise<Exclude<Data, undefined>> {
  try {
    return await unwrapAnswer(...operation);
  } catch (error) {
    if (error instanceof DockboxError) throw new CommandError(inWords(error.statusCode, error.message));
    throw error;
  }
}

/** The service's words, with what to do about them here. */
export function inWords(statusCode: number | undefined, message: string): string {
  return statusCode === 401 ? `${message.replace(/ Send an API key.*/, '')} Run "dockbox login".` : message;
}
