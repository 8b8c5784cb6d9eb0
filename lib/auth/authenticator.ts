import type pg from 'pg';
import type { Config } from '../config.js';
import { errors } from '../errors.js';
import { AlbTokens } from './alb.js';
import { IssuerTokens } from './issuer.js';
import { Keys } from './keys.js';
import { LOCAL, type Principal } from './principal.js';
import { PREFIX } from './secret.js';
import { Sessions } from './sessions.js';
import { Tickets } from './tickets.js';

/** What a request has to say of who sent it. */
export type Presented = {
  /** What its sender put there: a key, a token, a ticket or a share. */
  bearer?: string | undefined;
  /** What an Application Load Balancer says of its sender. */
  alb?: string | undefined;
  /** What a browser kept when it signed in. */
  cookie?: string | undefined;
};

/** Finds out who sends a request, in the way that AUTH says. */
export class Authenticator {
  readonly mode: Config['AUTH'];
  readonly keys: Keys;
  readonly sessions: Sessions;
  readonly tickets: Tickets;
  readonly #issuer: IssuerTokens | undefined;
  readonly #alb: AlbTokens | undefined;

  constructor(config: Config, pool: pg.Pool) {
    this.mode = config.AUTH;
    this.keys = new Keys(pool);
    this.sessions = new Sessions(pool);
    this.tickets = new Tickets(pool);
    if (config.AUTH !== 'jwt') return;
    const { JWT_ISSUER: issuer, JWT_AUDIENCE: audience, JWT_SCOPE_CLAIM: scopeClaim } = config;
    const { JWT_ALB_ARN: arn, JWT_ALB_KEYS_URL: keysUrl } = config;
    if (issuer && audience) this.#issuer = new IssuerTokens({ issuer, audience, scopeClaim });
    if (arn) this.#alb = new AlbTokens({ arn, keysUrl, issuer, scopeClaim });
  }

  /**
   * @throws {@link errors.CredentialMissing}, {@link errors.CredentialInvalid}, {@link errors.CredentialExpired},
   *   {@link errors.CredentialRevoked}, {@link errors.IssuerUnavailable}
   */
  async authenticate({ bearer, alb, cookie }: Presented): Promise<Principal> {
    // A ticket is for less than everything, also where everybody may do everything.
    if (bearer?.startsWith(PREFIX.ticket)) return this.tickets.authenticate(bearer);
    if (this.mode === 'none') return LOCAL;
    if (bearer?.startsWith(PREFIX.key)) return this.keys.authenticate(bearer);
    if (bearer !== undefined) {
      if (this.#issuer) return this.#issuer.authenticate(bearer);
      throw new errors.CredentialInvalid('This is not an API key, which begins with "dbx_".');
    }
    if (alb !== undefined && this.#alb) return this.#alb.authenticate(alb);
    if (cookie !== undefined) return this.sessions.authenticate(cookie);
    throw new errors.CredentialMissing();
  }

  /**
   * Who signs a browser in: with more than a ticket, which does not let one do enough.
   * @throws what {@link authenticate} does
   */
  async signIn(bearer: string | undefined): Promise<Principal> {
    if (this.mode === 'none') throw new errors.InvalidRequest('Nobody needs to sign in here.');
    if (bearer?.startsWith(PREFIX.ticket)) throw new errors.CredentialInvalid('A ticket is not an API key.');
    return this.authenticate({ bearer });
  }
}
