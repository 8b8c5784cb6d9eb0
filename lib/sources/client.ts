import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { errors } from '../errors.js';
import { type AddressPolicy, type Checked, checkUrl } from './address.js';
import { whenAborted } from './deadline.js';

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

export type Answer = Checked & { response: http.IncomingMessage };

type Headers = Record<string, string>;

/**
 * An HTTP client for addresses that users type: each request, that of a redirect too, goes to the very address that was
 * checked. Made for one fetch; its connections are kept until {@link close}.
 */
export class SourceClient {
  readonly #policy: AddressPolicy;
  readonly #signal: AbortSignal;
  readonly #http = new http.Agent({ keepAlive: true });
  readonly #https = new https.Agent({ keepAlive: true });

  /** @param signal ends whatever is under way */
  constructor(policy: AddressPolicy, signal: AbortSignal) {
    this.#policy = policy;
    this.#signal = signal;
  }

  /**
   * GETs an address, along at most five redirects. Whatever the final status, its body is left to the caller.
   * @param headers for each request, by the address that it goes to
   * @throws {@link errors.AddressForbidden}, {@link errors.SourceUnavailable}
   */
  async get(start: URL, headers: (url: URL) => Headers): Promise<Answer> {
    let url = start;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const answer = await this.request(url, { method: 'GET', headers: headers(url) });
      const { statusCode = 0, headers: received } = answer.response;
      if (!REDIRECTS.has(statusCode) || !received.location) return answer;
      answer.response.destroy();
      url = redirectTarget(received.location, url);
    }
    throw new errors.SourceUnavailable(
      `${start.host} redirects more than ${MAX_REDIRECTS} times: check the URL.`,
    );
  }

  /** Sends one request, to wherever the address leads after it is checked. */
  async request(
    url: URL,
    { body, ...options }: { method: string; headers: Headers; body?: Buffer },
  ): Promise<Answer> {
    const checked = await whenAborted(this.#signal, checkUrl(url, this.#policy));
    const { request } = url.protocol === 'https:' ? https : http;
    const agent = url.protocol === 'https:' ? this.#https : this.#http;
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      request(url, { ...options, agent, lookup: pinTo(checked), signal: this.#signal })
        .once('response', resolve)
        .once('error', (error) => reject(connectionError(error, url)))
        .end(body);
    });
    return { ...checked, response };
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}

/**
 * The bytes of a response's body.
 * @throws {@link errors.SourceUnavailable} past `maxBytes`, and when the connection is lost
 */
export async function* bodyOf(
  response: http.IncomingMessage,
  url: URL,
  maxBytes: number,
): AsyncGenerator<Buffer> {
  const tooLarge = () => new errors.SourceUnavailable(`${url.host} sends more than ${maxBytes} bytes.`);
  let received = 0;
  try {
    if (Number(response.headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
    for await (const chunk of response) {
      received += chunk.length;
      if (received > maxBytes) throw tooLarge();
      yield chunk;
    }
  } catch (error) {
    throw error instanceof errors.SourceUnavailable ? error : connectionError(error as Error, url);
  } finally {
    response.destroy();
  }
}

/** A whole body, for those that are small. */
export async function readBody(response: http.IncomingMessage, url: URL, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of bodyOf(response, url, maxBytes)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function redirectTarget(location: string, from: URL): URL {
  const target = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (!target || !['http:', 'https:'].includes(target.protocol) || target.username || target.password) {
    throw new errors.SourceUnavailable(
      `${from.host} redirects to an address that is not fetched from: only plain http:// and https:// addresses are.`,
    );
  }
  target.hash = '';
  return target;
}

function pinTo({ address, family }: Checked): LookupFunction {
  return (_hostname, options, callback) => {
    if (options.all) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}

/** What a user can make of an error of a connection. */
function connectionError(error: NodeJS.ErrnoException, { host }: URL): Error {
  const code = error.code ?? '';
  if (code === 'ECONNREFUSED') return unavailable(`${host} refuses connections: check the URL and its port.`);
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/.test(code)) {
    return unavailable(`The TLS certificate of ${host} can't be trusted: ${error.message}.`);
  }
  if (/^(EPROTO|ERR_SSL|ERR_TLS)/.test(code)) return unavailable(`${host} does not speak TLS at this port.`);
  if (code.startsWith('HPE_')) return unavailable(`${host} does not speak HTTP at this port.`);
  if (['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'].includes(code)) {
    return unavailable(`${host} closed the connection before the end: try again.`);
  }
  return unavailable(`${host} can't be reached${code && ` (${code})`}: check the URL.`);
}

const unavailable = (message: string) => new errors.SourceUnavailable(message);
