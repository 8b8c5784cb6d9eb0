import { errors } from '../errors.js';
import type { Source } from './parse.js';

/** What a user gives for one fetch: a name with its password, or a token. Kept in memory alone, and for that fetch alone. */
export type Credentials = {
  username?: string | undefined;
  password?: string | undefined;
  token?: string | undefined;
};

/** The header that authorizes a request; none for one that goes elsewhere than to the source's own origin. */
export type Authorize = (url: URL) => Record<string, string>;

/**
 * Refuses credentials that are neither a name with its password nor a token, or that would be sent where others can
 * read them.
 * @throws {@link errors.InvalidRequest}, {@link errors.InvalidSource}
 */
export function checkCredentials(
  { username, password, token }: Credentials,
  source: Source,
  { allowPrivate }: { allowPrivate: boolean },
): void {
  const isPair = username !== undefined && password !== undefined;
  if (token !== undefined ? username !== undefined || password !== undefined : !isPair) {
    throw new errors.InvalidRequest('The credentials are a "token", or a "username" and a "password".');
  }
  if (source.kind === 'archive' && source.s3Region) {
    throw new errors.InvalidRequest('For S3 the server has credentials of its own: leave "credentials" out.');
  }
  if (!allowPrivate && new URL(source.url).protocol !== 'https:') {
    throw new errors.InvalidSource(
      'Credentials are sent over https alone: give an address that begins with it.',
    );
  }
}

/**
 * What authorizes the requests for a source. Whoever is redirected to gets no credentials, unless it is the same origin.
 * A token is a password to Git servers, to which the user's name means nothing or `oauth2`; others know it as a bearer's
 * (RFC 6750).
 */
export function authorizer(source: Source, credentials: Credentials | undefined): Authorize {
  if (!credentials) return () => ({});
  const { origin } = new URL(source.url);
  const { username = 'oauth2', password, token = '' } = credentials;
  const isBearer = password === undefined && source.kind === 'archive';
  // RFC 7617, in UTF-8.
  const basic = Buffer.from(`${username}:${password ?? token}`).toString('base64');
  const header = { Authorization: isBearer ? `Bearer ${token}` : `Basic ${basic}` };
  return (url) => (url.origin === origin ? header : {});
}
