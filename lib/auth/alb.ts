import { type CryptoKey, decodeProtectedHeader, importSPKI, jwtVerify } from 'jose';
import { ALB_ARN } from '../config.js';
import { errors } from '../errors.js';
import {
  CLOCK_TOLERANCE_SECONDS,
  ISSUER_TIMEOUT_MS,
  principalOf,
  unavailable,
  verificationError,
} from './claims.js';
import type { Principal } from './principal.js';

/** What load balancers sign with. */
const ALGORITHM = 'ES256';

/** Keys that are kept: a load balancer has one at a time, and its next. */
const MAX_KEYS = 8;

type Options = {
  /** The load balancer's. */
  arn: string;
  /** Where its public keys are, each under its id; by default where those of its region are. */
  keysUrl?: string | undefined;
  /** Whom it has to have asked; anybody by default, as the load balancer is configured with that. */
  issuer?: string | undefined;
  scopeClaim: string;
};

/**
 * What an Application Load Balancer says of whom it has signed in, in the header `x-amzn-oidc-data`
 * (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html). All load
 * balancers of a region sign with the same keys: that ours is the signer has to be checked.
 */
export class AlbTokens {
  readonly #options: Options;
  readonly #keysUrl: string;
  readonly #keys = new Map<string, Promise<CryptoKey>>();

  constructor(options: Options) {
    this.#options = options;
    const region = ALB_ARN.exec(options.arn)?.[1];
    this.#keysUrl = (options.keysUrl ?? `https://public-keys.auth.elb.${region}.amazonaws.com`).replace(
      /\/$/,
      '',
    );
  }

  /**
   * @throws {@link errors.CredentialInvalid}, {@link errors.CredentialExpired}; {@link errors.IssuerUnavailable} when the
   *   public key can't be had
   */
  async authenticate(token: string): Promise<Principal> {
    const { arn, issuer, scopeClaim } = this.#options;
    try {
      const { alg, kid, signer } = decodeProtectedHeader(token);
      if (signer !== arn)
        throw new errors.CredentialInvalid('Another load balancer than ours has signed you in.');
      if (alg !== ALGORITHM || !/^[\w-]{1,64}$/.test(kid ?? ''))
        throw new errors.CredentialInvalid('This token names no usable key.');
      const { payload } = await jwtVerify(token, await this.#key(kid as string), {
        ...(issuer && { issuer }),
        algorithms: [ALGORITHM],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        requiredClaims: ['sub', 'exp'],
      });
      return principalOf(payload, scopeClaim);
    } catch (error) {
      // What can't even be decoded.
      if (error instanceof TypeError && error.message.startsWith('Invalid')) {
        throw new errors.CredentialInvalid('This is not a token.');
      }
      throw verificationError(error);
    }
  }

  #key(id: string): Promise<CryptoKey> {
    let key = this.#keys.get(id);
    if (!key) {
      key = fetchKey(`${this.#keysUrl}/${id}`);
      this.#keys.set(id, key);
      key.catch(() => this.#keys.delete(id));
      const [oldest] = this.#keys.keys();
      if (this.#keys.size > MAX_KEYS && oldest !== undefined) this.#keys.delete(oldest);
    }
    return key;
  }
}

async function fetchKey(url: string): Promise<CryptoKey> {
  const response = await fetch(url, { signal: AbortSignal.timeout(ISSUER_TIMEOUT_MS), redirect: 'error' });
  if (response.status === 404 || response.status === 403) {
    throw new errors.CredentialInvalid('This token names a key that there is not.');
  }
  if (!response.ok) throw unavailable(new Error(`${url} answers ${response.status}`));
  return importSPKI(await response.text(), ALGORITHM).catch((cause: unknown) => {
    throw unavailable(cause);
  });
}
