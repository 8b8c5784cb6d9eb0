import type pg from 'pg';
import { errors } from '../errors.js';
import type { Principal, Scope } from './principal.js';
import { hashSecret, makeSecret } from './secret.js';

/** The cookie of a browser that has signed in. */
export const SESSION_COOKIE = 'dockbox_session';

/** Browsers in which an owner is signed in; the longest ago is signed out for another. */
const MAX_SESSIONS = 100;

/** For how long a browser stays signed in, in seconds. */
const SESSION_SECONDS = 30 * 24 * 3600;

/** Browsers that have signed in with a key, or a token. */
export class Sessions {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /**
   * Begins a session of somebody's, which ends with what they signed in with.
   * @returns its secret, for the browser to keep
   */
  async begin({ owner, scope, credential }: Principal): Promise<{ secret: string; id: string; until: Date }> {
    const secret = makeSecret('session');
    const { rows } = await this.#pool.query<{ id: string; until: Date }>(
      `insert into session (hash, key_id, owner, scope, expires_at)
       values ($1, $2, $3, $4, least(now() + make_interval(secs => $5), $6))
       returning id, expires_at as until`,
      [hashSecret(secret), credential.keyId ?? null, owner, scope, SESSION_SECONDS, credential.until ?? null],
    );
    await this.#pool.query(
      `delete from session where id in (select id from session where owner = $1 order by created_at desc offset $2)`,
      [owner, MAX_SESSIONS],
    );
    return { secret, ...(rows[0] as { id: string; until: Date }) };
  }

  /**
   * Lets a browser in that has signed in. Costs one look-up by an index; when the key was last used is written once a
   * minute.
   * @throws {@link errors.CredentialInvalid}, {@link errors.CredentialExpired}, {@link errors.CredentialRevoked}
   */
  async authenticate(secret: string): Promise<Principal> {
    const { rows } = await this.#pool.query<{
      id: string;
      keyId: string | null;
      owner: string;
      scope: Scope;
      until: Date;
      expired: boolean;
      revoked: boolean;
    }>(
      `with found as (
         select session.id, key_id, session.owner, session.scope, session.expires_at,
                session.expires_at <= now() as expired, revoked_at is not null as revoked
         from session left join api_key on api_key.id = key_id where session.hash = $1),
       used as (
         update api_key set last_used_at = now() from found
         where api_key.id = key_id and not expired and not revoked
           and coalesce(last_used_at < now() - interval '1 minute', true))
       select id, key_id as "keyId", owner, scope, expires_at as until, expired, revoked from found`,
      [hashSecret(secret)],
    );
    const session = rows[0];
    if (!session) throw new errors.CredentialInvalid('You have signed out: sign in again.');
    if (session.revoked)
      throw new errors.CredentialRevoked('The API key that you signed in with was revoked.');
    if (session.expired) throw new errors.CredentialExpired('Your sign-in has expired: sign in again.');
    const { id, keyId, owner, scope, until } = session;
    return { owner, scope, credential: { kind: 'session', id, keyId, sessionId: id, until } };
  }

  /** Ends a session, and the tickets that were made in it; what is open with it is closed within seconds. */
  async end(id: string): Promise<void> {
    await this.#pool.query('delete from session where id = $1', [id]);
  }
}
