import type pg from 'pg';
import { isId } from '../boxes/store.js';
import { errors } from '../errors.js';
import type { Principal } from './principal.js';
import { hashSecret, makeSecret } from './secret.js';

/** What lets its bearer into one box, as its row tells it. */
export type Share = {
  id: string;
  name: string | null;
  terminal: string | null;
  readonly: boolean;
  createdAt: Date;
  expiresAt: Date;
  lastUsedAt: Date | null;
};

export type TicketRequest = {
  kind: 'ticket' | 'share';
  boxId: string;
  terminal?: string | undefined;
  readonly?: boolean | undefined;
  name?: string | undefined;
  /** Seconds. */
  expiresIn: number;
};

/** Of either kind, that are good for a box at the same time: enough for people, and a bound for programs. */
const MAX_OF_BOX = 1000;

const COLUMNS = `id, name, terminal, readonly, created_at as "createdAt", expires_at as "expiresAt",
  used_at as "lastUsedAt"`;

/**
 * Tickets, for one connection, and shares, for as many as there are until they expire. Each is a random secret with a
 * row, rather than signed facts: so it can be used up, listed and revoked at once on all replicas, and there is no
 * signing key to share among them and to change in time.
 */
export class Tickets {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /**
   * Makes a ticket or a share. It ends with the key of whoever makes it; a ticket with their sign-in, too.
   * @throws {@link errors.QuotaReached}
   */
  async create(
    { owner, credential }: Principal,
    { kind, boxId, terminal, readonly = false, name, expiresIn }: TicketRequest,
  ): Promise<Share & { secret: string }> {
    const secret = makeSecret('ticket');
    const { rows } = await this.#pool.query<Share>(
      `insert into ticket (hash, kind, dockbox_id, owner, key_id, session_id, name, terminal, readonly, expires_at, good_until)
       select $1, $2, $3, $4, $5, $6, $7, $8, $9, now() + make_interval(secs => $10), $11
       where (select count(*) from ticket where dockbox_id = $3 and expires_at > now()) < $12
       returning ${COLUMNS}`,
      [
        hashSecret(secret),
        kind,
        boxId,
        owner,
        credential.keyId ?? null,
        kind === 'ticket' ? (credential.sessionId ?? null) : null,
        name ?? null,
        terminal ?? null,
        readonly,
        expiresIn,
        kind === 'ticket' ? (credential.until ?? null) : null,
        MAX_OF_BOX,
      ],
    );
    if (!rows[0]) {
      throw new errors.QuotaReached(
        'There are too many tickets and shares of this dockbox: revoke some first.',
      );
    }
    return { ...rows[0], secret };
  }

  /**
   * Lets the bearer of a ticket or a share in, without using a ticket up.
   * @throws {@link errors.CredentialInvalid}, {@link errors.CredentialExpired}, {@link errors.CredentialRevoked}
   */
  async authenticate(secret: string): Promise<Principal> {
    const { rows } = await this.#pool.query<Row>(
      `select ticket.id, kind, dockbox_id as "boxId", ticket.owner, key_id as "keyId", session_id as "sessionId", terminal,
              readonly, ticket.expires_at as "expiresAt", good_until as "goodUntil",
              kind = 'ticket' and used_at is not null as used, ticket.expires_at <= now() as expired,
              key_id is not null and (revoked_at is not null or coalesce(api_key.expires_at <= now(), false)) as revoked
       from ticket left join api_key on api_key.id = key_id where ticket.hash = $1`,
      [hashSecret(secret)],
    );
    const ticket = rows[0];
    if (!ticket) throw new errors.CredentialInvalid('There is no such ticket: it may have been revoked.');
    const { id, kind, boxId, owner, keyId, sessionId, terminal, readonly, expiresAt, goodUntil } = ticket;
    if (ticket.used) throw new errors.CredentialInvalid(USED);
    if (ticket.expired) throw new errors.CredentialExpired(`This ${kind} has expired: ask for another.`);
    if (ticket.revoked)
      throw new errors.CredentialRevoked(`The API key behind this ${kind} is no longer good.`);
    const shareId = kind === 'share' ? id : null;
    const until = kind === 'share' ? expiresAt : goodUntil;
    return {
      owner,
      scope: readonly ? 'readonly' : 'user',
      credential: { kind, id, keyId, sessionId, shareId, until },
      pass: { boxId, terminal, readonly },
    };
  }

  /**
   * Uses a ticket, which is possible once; that a share was used is only noted.
   * @throws {@link errors.CredentialInvalid} when it was used meanwhile, on whichever replica
   */
  async use({ kind, id }: Principal['credential']): Promise<void> {
    const { rowCount } = await this.#pool.query(
      `update ticket set used_at = now()
       where id = $1 and expires_at > now() and (kind = 'share' or used_at is null)`,
      [id],
    );
    if (rowCount === 0) throw new errors.CredentialInvalid(kind === 'share' ? 'This share is gone.' : USED);
  }

  /** The shares of a box that are good, newest first. */
  async shares(boxId: string): Promise<Share[]> {
    const { rows } = await this.#pool.query<Share>(
      `select ${COLUMNS} from ticket where dockbox_id = $1 and kind = 'share' and expires_at > now()
       order by created_at desc, id desc`,
      [boxId],
    );
    return rows;
  }

  /**
   * Ends a share; what is open with it is closed within seconds.
   * @throws {@link errors.ShareNotFound}
   */
  async revoke(boxId: string, id: string): Promise<void> {
    const { rowCount } = await this.#pool.query(
      `delete from ticket where id = $1 and dockbox_id = $2 and kind = 'share'`,
      [isId(id) ? id : null, boxId],
    );
    if (rowCount === 0) throw new errors.ShareNotFound(id);
  }
}

const USED = 'This ticket has been used: ask for another.';

type Row = {
  id: string;
  kind: 'ticket' | 'share';
  boxId: string;
  owner: string;
  keyId: string | null;
  sessionId: string | null;
  terminal: string | null;
  readonly: boolean;
  expiresAt: Date;
  goodUntil: Date | null;
  used: boolean;
  expired: boolean;
  revoked: boolean;
};
