import type { Queryable } from '../database.js';
import { errors } from '../errors.js';
import type { Credential } from './principal.js';

/**
 * Which of some credentials are no longer good, and why, in words for whoever came with one. By the database's clock, and
 * whichever replica ended them.
 */
export async function findEnded(db: Queryable, credentials: Credential[]): Promise<Map<Credential, string>> {
  const { rows } = await db.query<{ index: number; reason: string }>(
    `select * from (
       select index::int - 1 as index, case
         when used.key_id is not null and (k.id is null or k.revoked_at is not null) then
           'The API key that opened this was revoked.'
         when k.expires_at <= now() then 'The API key that opened this has expired.'
         when used.session_id is not null and s.id is null then 'You have signed out.'
         when used.share_id is not null and t.id is null then 'This share was revoked.'
         when used.good_until <= now() then 'What opened this has expired.'
       end as reason
       from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[]) with ordinality
         as used (key_id, session_id, share_id, good_until, index)
       left join api_key k on k.id = used.key_id
       left join session s on s.id = used.session_id
       left join ticket t on t.id = used.share_id) as judged
     where reason is not null`,
    [
      credentials.map(({ keyId }) => keyId ?? null),
      credentials.map(({ sessionId }) => sessionId ?? null),
      credentials.map(({ shareId }) => shareId ?? null),
      credentials.map(({ until }) => until ?? null),
    ],
  );
  return new Map(rows.map(({ index, reason }) => [credentials[index] as Credential, reason]));
}

/** @throws {@link errors.CredentialRevoked} when a credential that was good when it was shown no longer is */
export async function assertGood(db: Queryable, credential: Credential): Promise<void> {
  if (credential.kind === 'none') return;
  const reason = (await findEnded(db, [credential])).get(credential);
  if (reason) throw new errors.CredentialRevoked(reason);
}

/** For how long keys are listed that are no longer good, in days. */
const KEPT_DAYS = 30;

/** Removes what nobody can use any more. */
export async function removeEnded(db: Queryable): Promise<void> {
  await db.query('delete from ticket where expires_at < now()');
  await db.query('delete from session where expires_at < now()');
  await db.query(
    'delete from api_key where least(revoked_at, expires_at) < now() - make_interval(days => $1)',
    [KEPT_DAYS],
  );
  await db.query('delete from creation_rate where empty_at < now()');
}
