import createFetchClient, { type Client, type Middleware } from 'openapi-fetch';
import type { paths } from './schema.js';

export type ClientOptions = {
  /** The service's address, such as `https://dockbox.example.com`; it may have a path. */
  baseUrl: string;
  /** An API key, or another credential such as the ticket of a share. In a browser that is signed in, a cookie stands for it. */
  token?: string | undefined;
  /** In the place of the platform's. */
  fetch?: (request: Request) => Promise<Response>;
};

/** The service's operations, as methods by HTTP method and path: `client.GET('/v1/dockbox/{id}', …)`. */
export type DockboxClient = Client<paths> & {
  /** The service's address, without a slash at its end. */
  readonly baseUrl: string;
  /** Subprotocols that tell a WebSocket's other side who connects. */
  readonly credentials: readonly string[];
};

/** Kubernetes' convention for a credential where no header can be set: it is offered as a subprotocol. */
const BEARER_PROTOCOL = 'base64url.bearer.authorization.k8s.io.';

/**
 * A client of a dockbox service. It makes no request yet.
 * @throws {TypeError} when `baseUrl` is no http or https URL
 */
export function createClient({ baseUrl, token, ...options }: ClientOptions): DockboxClient {
  const url = new URL(baseUrl);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new TypeError(`A dockbox service has an http or https address, not "${baseUrl}".`);
  }
  const base = (url.origin + url.pathname).replace(/\/+$/, '');
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  const client = createFetchClient<paths>({ baseUrl: base, headers, ...options });
  client.use(unreachable(base));
  const credentials = token ? [`${BEARER_PROTOCOL}${base64url(token)}`] : [];
  return Object.assign(client, { baseUrl: base, credentials });
}

/** Why the service did not do what it was asked for. */
export class DockboxError extends Error {
  /** The HTTP status; 0 when there was no answer. */
  readonly statusCode: number;
  /** Stable, for programs: such as `DBX_NOT_FOUND`; `UNREACHABLE` when there was no answer. */
  readonly code: string;

  constructor(statusCode: number, code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DockboxError';
    this.statusCode = statusCode;
    this.code = code;
  }
}

type Answer<Data> = { data?: Data; error?: unknown; response: Response };

/**
 * What an operation answered: `const box = await unwrap(client.GET('/v1/dockbox/{id}', …))`.
 * @throws {DockboxError} with the service's message, which says what to do
 */
export async function unwrap<Data>(operation: Promise<Answer<Data>>): Promise<Exclude<Data, undefined>> {
  const { data, error, response } = await operation;
  if (response.ok) return data as Exclude<Data, undefined>;
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  throw new DockboxError(
    response.status,
    typeof code === 'string' ? code : `HTTP_${response.status}`,
    typeof message === 'string' ? message : strangersAnswer(response),
  );
}

/** What to say when the words are not the service's: a proxy before it answered, or another program at its address. */
function strangersAnswer({ status, statusText }: Response): string {
  const answer = `status ${status} ${statusText}`.trimEnd();
  return status >= 500
    ? `The service answered with ${answer}.`
    : `What answered, with ${answer}, does not seem to be a dockbox service: is its address right?`;
}

/** Tells of no answer in words that say more than the platform's. */
const unreachable = (baseUrl: string): Middleware => ({
  onError: ({ error }) => {
    // A fetch that fails is a TypeError; one that takes too long is not.
    if (!(error instanceof TypeError)) return;
    const message = `Nothing answers at ${baseUrl}: is a dockbox service running there?`;
    return new DockboxError(0, 'UNREACHABLE', message, { cause: error });
  },
  onResponse: ({ response }) => {
    const type = response.headers.get('content-type') ?? '';
    if (!response.ok || response.status === 204 || type.includes('json')) return;
    throw new DockboxError(0, 'UNREACHABLE', `What answers at ${baseUrl} is no dockbox service.`);
  },
});

const base64url = (ascii: string) => btoa(ascii).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
