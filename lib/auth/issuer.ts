import { createRemoteJWKSet, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { isTrustworthy } from '../config.js';
import {
  CLOCK_TOLERANCE_SECONDS,
  ISSUER_TIMEOUT_MS,
  principalOf,
  unavailable,
  verificationError,
} from './claims.js';
import type { Principal } from './principal.js';

/** Asymmetric ones alone: with the others, whoever knows the public key could sign. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

/** How long it is believed where an issuer's keys are, in ms. */
const DISCOVERY_MS = 3_600_000;

/** A token that names an unknown key has the keys fetched anew, at most this often, in ms. */
const COOLDOWN_MS = 5000;

type Options = { issuer: string; audience: string; scopeClaim: string };

/**
 * Bearer tokens of an OpenID Connect issuer (RFC 7519), verified with the keys that its discovery document leads to
 * (https://openid.net/specs/openid-connect-discovery-1_0.html).
 */
export class IssuerTokens {
  readonly #options: Options;
  #keys: Promise<JWTVerifyGetKey> | undefined;
  #discoveredAt = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  /**
   * @throws {@link errors.CredentialInvalid}, {@link errors.CredentialExpired}; {@link errors.IssuerUnavailable} when the
   *   issuer's keys can't be had
   */
  async authenticate(token: string): Promise<Principal> {
    const { issuer, audience, scopeClaim } = this.#options;
    try {
      const { payload } = await jwtVerify(token, await this.#discover(), {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        requiredClaims: ['sub', 'exp'],
      });
      return principalOf(payload, scopeClaim);
    } catch (error) {
      throw verificationError(error);
    }
  }

  /** However many ask at once, the issuer is asked once. */
  #discover(): Promise<JWTVerifyGetKey> {
    if (!this.#keys || performance.now() - this.#discoveredAt > DISCOVERY_MS) {
      const keys = discover(this.#options.issuer);
      this.#keys = keys;
      this.#discoveredAt = performance.now();
      keys.catch(() => {
        if (this.#keys === keys) this.#keys = undefined;
      });
    }
    return this.#keys;
  }
}

async function discover(issuer: string): Promise<JWTVerifyGetKey> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await fetch(url, { signal: AbortSignal.timeout(ISSUER_TIMEOUT_MS), redirect: 'error' });
  if (!response.ok) throw unavailable(new Error(`${url} answers ${response.status}`));
  const document = (await response.json()) as { issuer?: unknown; jwks_uri?: unknown };
  const { issuer: named, jwks_uri: keysUrl } = document;
  if (named !== issuer) throw unavailable(new Error(`${url} is about the issuer ${JSON.stringify(named)}`));
  if (typeof keysUrl !== 'string' || !isTrustworthy(keysUrl)) {
    throw unavailable(new Error(`${url} has no usable jwks_uri`));
  }
  return createRemoteJWKSet(new URL(keysUrl), {
    cooldownDuration: COOLDOWN_MS,
    timeoutDuration: ISSUER_TIMEOUT_MS,
  });
}
