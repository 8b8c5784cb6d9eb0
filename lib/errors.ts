import createError from '@fastify/error';
import { isLockTimeout, isUnavailable } from './database.js';
import { reason } from './refusal.js';

/** Every error that a client can meet: a code, a message that says what to do, and a status. */
export const errors = {
  InvalidSource: createError<[string]>('DBX_INVALID_SOURCE', '%s', 400),
  InvalidRequest: createError<[string]>('DBX_INVALID_REQUEST', '%s', 400),
  AddressForbidden: createError<[string]>('DBX_ADDRESS_FORBIDDEN', '%s', 403),
  CredentialMissing: createError(
    'DBX_NO_CREDENTIAL',
    'Who are you? Send an API key, as "Authorization: Bearer dbx_…".',
    401,
  ),
  CredentialInvalid: createError<[string]>('DBX_BAD_CREDENTIAL', '%s', 401),
  CredentialExpired: createError<[string]>('DBX_CREDENTIAL_EXPIRED', '%s', 401),
  CredentialRevoked: createError<[string]>('DBX_CREDENTIAL_REVOKED', '%s', 401),
  Forbidden: createError<[string]>('DBX_FORBIDDEN', '%s', 403),
  Readonly: createError<[string]>('DBX_READONLY', '%s', 403),
  CrossOrigin: createError<[string]>('DBX_CROSS_ORIGIN', '%s', 403),
  BoxNotFound: createError<[string]>('DBX_NOT_FOUND', 'There is no dockbox "%s".', 404),
  TerminalNotFound: createError<[string]>(
    'DBX_NO_TERMINAL',
    'Nobody is connected to the terminal "%s".',
    404,
  ),
  KeyNotFound: createError<[string]>('DBX_NO_KEY', 'There is no key "%s".', 404),
  ShareNotFound: createError<[string]>('DBX_NO_SHARE', 'There is no share "%s".', 404),
  NameTaken: createError<[string]>('DBX_NAME_TAKEN', 'The name "%s" is taken: choose another.', 409),
  BoxFailed: createError<[string]>('DBX_FAILED', 'This dockbox could not be created: %s', 409),
  BoxNotReady: createError<[string]>('DBX_NOT_READY', '%s', 409),
  BoxFull: createError(
    'DBX_BOX_FULL',
    'No more can be started in this dockbox, which has all the processes or memory that it may: end some, or stop it.',
    409,
  ),
  QuotaReached: createError<[string]>('DBX_QUOTA', '%s', 409),
  WorkspaceMissing: createError<[string]>(
    'DBX_WORKSPACE_MISSING',
    'The files of the dockbox "%s" are missing: is the server\'s MOUNT_POINT mounted? If they are lost, delete it.',
    409,
  ),
  SourceUnavailable: createError<[string]>('DBX_SOURCE_UNAVAILABLE', '%s', 422),
  ImageUnavailable: createError<[string]>('DBX_IMAGE_UNAVAILABLE', '%s', 422),
  UpgradeRequired: createError(
    'DBX_UPGRADE_REQUIRED',
    'This is a WebSocket endpoint: connect with ws:// or wss://.',
    426,
  ),
  TooManyRequests: createError<[string]>(
    'DBX_TOO_MANY_REQUESTS',
    'There were too many requests from your address: try again in %s seconds.',
    429,
  ),
  TooManyConnections: createError(
    'DBX_TOO_MANY_CONNECTIONS',
    'Your address has as many connections open as it may: close some.',
    503,
  ),
  TooManyCreations: createError<[number]>(
    'DBX_RATE',
    'You create dockboxes faster than you may: try again in %s s.',
    429,
  ),
  IssuerUnavailable: createError(
    'DBX_ISSUER_UNAVAILABLE',
    'Whoever vouches for your token does not answer: try again in a moment.',
    503,
  ),
  EngineUnavailable: createError<[string]>(
    'DBX_ENGINE_UNAVAILABLE',
    'The container engine does not answer: %s',
    503,
  ),
  EngineFailed: createError<[string]>('DBX_ENGINE_FAILED', 'The container engine could not do it: %s', 503),
  NoCapacity: createError(
    'DBX_NO_CAPACITY',
    'The fleet has no room for another dockbox at this moment: try again in a minute, or stop one that you do not need.',
    503,
  ),
  DatabaseUnavailable: createError(
    'DBX_DATABASE_UNAVAILABLE',
    'The database does not answer: try again in a moment.',
    503,
  ),
  Busy: createError('DBX_BUSY', 'This dockbox is being stopped or deleted: try again in a moment.', 503),
  Overloaded: createError('DBX_OVERLOADED', 'This server is overloaded: try again in a moment.', 503),
  Draining: createError(
    'DBX_DRAINING',
    'This server is shutting down: try again, another one will answer.',
    503,
  ),
};

/** The catalogue's error for one that was thrown; undefined when it is a fault of ours, and not to be told to clients. */
export function forClient(error: unknown): (Error & { code: string; statusCode?: number }) | undefined {
  const thrown = error as Error & { code?: string; statusCode?: number };
  if (thrown.code?.startsWith('DBX_')) return thrown as Error & { code: string };
  if (isLockTimeout(error)) return new errors.Busy();
  if (isUnavailable(error)) return new errors.DatabaseUnavailable();
  // docker-modem's, for an answer that nobody expected: of an engine that is going down, or that others work on, too.
  if (thrown.statusCode !== undefined && 'json' in thrown) return new errors.EngineFailed(reason(error));
  return undefined;
}
