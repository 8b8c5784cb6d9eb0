import { type JWTPayload, errors as jose } from 'jose';
import { errors } from '../errors.js';
import { isOwner, type Principal, type Scope } from './principal.js';

/** How far the issuer's clock may be from this one's, in seconds. */
export const CLOCK_TOLERANCE_SECONDS = 30;

/** How long whoever vouches for a token may take to answer, in ms. */
export const ISSUER_TIMEOUT_MS = 5000;

/**
 * The bearer of a token whose signature was verified.
 * @throws {@link errors.CredentialInvalid} when it does not tell who that is
 */
export function principalOf(claims: JWTPayload, scopeClaim: string): Principal {
  const { sub, exp } = claims;
  if (!isOwner(sub))
    throw new errors.CredentialInvalid('This token does not tell whose it is: its "sub" is unusable.');
  if (exp === undefined) throw new errors.CredentialInvalid('This token has no end: "exp" is missing.');
  return {
    owner: sub,
    scope: scopeOf(claims[scopeClaim]),
    credential: { kind: 'token', id: null, until: new Date(exp * 1000) },
  };
}

/** What a claim lets its bearer do: scopes are a text with spaces (RFC 8693), roles and groups a list. */
function scopeOf(claim: unknown): Scope {
  const scopes = typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? claim : [];
  if (scopes.includes('dockbox:admin')) return 'admin';
  return scopes.includes('dockbox:readonly') ? 'readonly' : 'user';
}

/**
 * What an error of a verification means for whoever sent the token: that it is not good, or that whoever vouches for it is
 * away.
 */
export function verificationError(error: unknown): Error {
  if (error instanceof jose.JWTExpired) return new errors.CredentialExpired('This token has expired.');
  if (error instanceof jose.JWTClaimValidationFailed) {
    return new errors.CredentialInvalid(`This token is not good here: its "${error.claim}" is another's.`);
  }
  const isTokens =
    error instanceof jose.JWTInvalid ||
    error instanceof jose.JWSInvalid ||
    error instanceof jose.JWSSignatureVerificationFailed ||
    error instanceof jose.JOSEAlgNotAllowed ||
    error instanceof jose.JOSENotSupported ||
    error instanceof jose.JWKSNoMatchingKey ||
    error instanceof jose.JWKSMultipleMatchingKeys;
  if (isTokens)
    return new errors.CredentialInvalid('This token is not good: nobody whom we trust has signed it.');
  // What is in the catalogue already was found out before the verification.
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && code.startsWith('DBX_') ? (error as Error) : unavailable(error);
}

export function unavailable(cause: unknown): Error {
  return Object.assign(new errors.IssuerUnavailable(), { cause });
}
