import type pg from 'pg';
import { decodeCursor, pageOf } from '../boxes/cursor.js';
import { isId } from '../boxes/store.js';
import type { Queryable } from '../database.js';
import { errors } from '../errors.js';
import { LOCAL_OWNER, type Principal, SCOPES, type Scope } from './principal.js';
import { hashSecret, makeSecret } from './secret.js';

/** An API key as its row tells it, which does not have the secret. */
export type Key = {
  id: string;
  name: string;
  owner: string;
  scope: Scope;
  createdAt: Date;
  expiresAt: Date | null;
  lastUsedAt: Date | null;
  revokedAt: Date | null;
};

export type KeyRequest = { name: string; owner?: string; scope?: Scope; expiresIn?: number };

/** A key that was just made, with its secret, which nobody can find out again. */
export type NewKey = Key & { key: string };

/** Keys that an owner may have at the same time, those not counted that are revoked or have expired. */
const MAX_KEYS = 100;

const COLUMNS = `id, name, owner, scope, created_at as "createdAt", expires_at as "expiresAt",
  last_used_at as "lastUsedAt", revoked_at as "revokedAt"`;

/** The API keys of a deployment. */
export class Keys {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /**
   * Lets the bearer of a key in. Costs one look-up by an index; when it was last used is written once a minute.
   * @throws {@link errors.CredentialInvalid}, {@link errors.CredentialExpired}, {@link errors.CredentialRevoked}
   */
  async authenticate(secret: string): Promise<Principal> {
    const { rows } = await this.#pool.query<
      Pick<Key, 'id' | 'owner' | 'scope' | 'expiresAt'> & { revoked: boolean; expired: boolean }
    >(
      `with found as (
         select id, owner, scope, expires_at, revoked_at is not null as revoked,
                coalesce(expires_at <= now(), false) as expired
         from api_key where hash = $1),
       used as (
         update api_key set last_used_at = now() from found
         where api_key.id = found.id and not found.revoked and not found.expired
           and coalesce(api_key.last_used_at < now() - interval '1 minute', true))
       select id, owner, scope, expires_at as "expiresAt", revoked, expired from found`,
      [hashSecret(secret)],
    );
    const key = rows[0];
    if (!key) throw new errors.CredentialInvalid('There is no such API key.');
    if (key.revoked) throw new errors.CredentialRevoked('This API key was revoked.');
    if (key.expired) throw new errors.CredentialExpired('This API key has expired.');
    const { id, owner, scope, expiresAt } = key;
    return { owner, scope, credential: { kind: 'key', id, keyId: id, until: expiresAt } };
  }

  /**
   * Makes a key, for the maker's own owner unless an admin says another. It ends with the maker's key at the latest, if
   * that has an end.
   * @throws {@link errors.Forbidden} when it would let one do more than its maker may; {@link errors.QuotaReached}
   */
  async create(maker: Principal, { name, owner = maker.owner, scope = 'user', expiresIn }: KeyRequest) {
    if (owner !== maker.owner && maker.scope !== 'admin') {
      throw new errors.Forbidden('Only an admin makes keys for others: leave "owner" out.');
    }
    if (SCOPES.indexOf(scope) > SCOPES.indexOf(maker.scope)) {
      throw new errors.Forbidden(`A key of scope "${maker.scope}" can't make one of scope "${scope}".`);
    }
    const key = await insertKey(this.#pool, { name, owner, scope, expiresIn }, maker.credential.keyId);
    if (!key) throw new errors.QuotaReached(`There are ${MAX_KEYS} keys of this owner: revoke one first.`);
    return key;
  }

  /**
   * A page of the keys that somebody may see, newest first.
   * @throws {@link errors.InvalidRequest} when the cursor is not one of ours
   */
  async list(
    viewer: Principal,
    limit: number,
    cursor?: string,
  ): Promise<{ items: Key[]; nextCursor: string | null }> {
    const after = cursor === undefined ? undefined : decodeCursor(cursor);
    const { rows } = await this.#pool.query<Key & { cursorTime: string }>(
      `select ${COLUMNS}, created_at::text as "cursorTime" from api_key
       where ($1::text is null or owner = $1)
         and ($2::timestamptz is null or (created_at, id) < ($2::timestamptz, $3::uuid))
       order by created_at desc, id desc limit $4`,
      [ownerSeenBy(viewer), after?.createdAt, after?.id, limit + 1],
    );
    return pageOf(rows, limit);
  }

  /**
   * Ends a key; what is open with it is closed within seconds. One that was revoked already stays so.
   * @throws {@link errors.KeyNotFound}; {@link errors.Forbidden} when it lets one do more than who asks may
   */
  async revoke(viewer: Principal, id: string): Promise<void> {
    const { rows } = await this.#pool.query<{ scope: Scope }>(
      'select scope from api_key where id = $1 and ($2::text is null or owner = $2)',
      [isId(id) ? id : null, ownerSeenBy(viewer)],
    );
    const key = rows[0];
    if (!key) throw new errors.KeyNotFound(id);
    if (key.scope === 'admin' && viewer.scope !== 'admin') {
      throw new errors.Forbidden("Only an admin revokes an admin's key.");
    }
    await this.#pool.query('update api_key set revoked_at = coalesce(revoked_at, now()) where id = $1', [id]);
  }

  /**
   * Makes the admin's key of the first start.
   * @returns undefined when this deployment has had a key; of several replicas that start at once, for all but one
   */
  async createFirst(): Promise<NewKey | undefined> {
    const { rowCount } = await this.#pool.query(
      `update deployment set first_key_at = now()
       where first_key_at is null and not exists (select from api_key)`,
    );
    if (rowCount === 0) return undefined;
    return insertKey(this.#pool, { name: 'first', owner: LOCAL_OWNER, scope: 'admin' });
  }
}

/** The only owner whose keys somebody may see; null for anybody's. */
const ownerSeenBy = ({ scope, owner }: Principal) => (scope === 'admin' ? null : owner);

/** @returns undefined when the owner has as many keys as may be */
async function insertKey(
  db: Queryable,
  { name, owner, scope, expiresIn }: Required<Pick<KeyRequest, 'name' | 'owner' | 'scope'>> & KeyRequest,
  makerId?: string | null,
): Promise<NewKey | undefined> {
  const key = makeSecret('key');
  const { rows } = await db.query<Key>(
    `insert into api_key (hash, name, owner, scope, expires_at)
     select $1, $2, $3, $4, least(now() + make_interval(secs => $5), (select expires_at from api_key where id = $6))
     where (select count(*) from api_key
            where owner = $3 and revoked_at is null and coalesce(expires_at > now(), true)) < $7
     returning ${COLUMNS}`,
    [hashSecret(key), name, owner, scope, expiresIn ?? null, makerId ?? null, MAX_KEYS],
  );
  return rows[0] && { ...rows[0], key };
}
