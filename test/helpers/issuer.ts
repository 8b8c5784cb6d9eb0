import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import type { Scope } from './scope.js';

type Pair = { id: string; algorithm: string; publicKey: CryptoKey; privateKey: CryptoKey };

/** An OpenID Connect issuer on loopback, which is a load balancer's endpoint for public keys, too. */
export class Issuer {
  readonly #server: http.Server;
  /** The keys that it tells. */
  keys: Pair[] = [];
  /** How often it was asked for them. */
  asked = 0;

  constructor() {
    this.#server = http.createServer(async (request, response) => {
      const body = await this.#answer(request.url ?? '');
      response.writeHead(body === undefined ? 404 : 200).end(body);
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async listen(port = 0): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close().closeAllConnections();
    await once(this.#server, 'close');
  }

  /** Has a new key, besides those that it has. */
  async addKey(algorithm = 'RS256'): Promise<Pair> {
    const id = `key-${this.keys.length}-${Math.random().toString(36).slice(2)}`;
    const pair = { id, algorithm, ...(await generateKeyPair(algorithm, { extractable: true })) };
    this.keys.push(pair);
    return pair;
  }

  /** A token as it makes them: of ana's, for dockbox, for five minutes, with what `claims` and `header` say besides. */
  async sign(claims: JWTPayload = {}, { key = this.keys.at(-1) as Pair, header = {} } = {}): Promise<string> {
    const payload = { iss: this.url, aud: 'dockbox', sub: 'ana', exp: Math.floor(Date.now() / 1000) + 300 };
    return new SignJWT({ ...payload, ...claims })
      .setProtectedHeader({ alg: key.algorithm, kid: key.id, ...header })
      .sign(key.privateKey);
  }

  async #answer(url: string): Promise<string | undefined> {
    if (url === '/.well-known/openid-configuration') {
      return JSON.stringify({ issuer: this.url, jwks_uri: `${this.url}/jwks` });
    }
    this.asked += 1;
    if (url === '/jwks') {
      const jwk = async ({ id, algorithm, publicKey }: Pair) => ({
        ...(await exportJWK(publicKey)),
        ...{ kid: id, alg: algorithm, use: 'sig' },
      });
      return JSON.stringify({ keys: await Promise.all(this.keys.map(jwk)) });
    }
    const key = this.keys.find(({ id }) => url === `/alb/${id}`);
    return key && exportSPKI(key.publicKey);
  }
}

/** Starts an issuer; the end of the test stops it. */
export async function startIssuer(t: Scope): Promise<Issuer> {
  const issuer = new Issuer();
  await issuer.listen();
  t.teardown(() => issuer.close());
  return issuer;
}
