import { errors } from '../errors.js';

/**
 * A bearer credential as a WebSocket's subprotocol, by Kubernetes' convention: a browser's WebSocket can say nothing else
 * of its own. Kubernetes answers with another subprotocol that is offered beside it, and so does this service; this one is
 * never sent back.
 */
const BEARER_PROTOCOL = 'base64url.bearer.authorization.k8s.io.';

/** The credential of an `Authorization` header (RFC 6750 section 2.1). @throws {@link errors.CredentialInvalid} */
export function fromAuthorization(header: string): string {
  const bearer = /^Bearer +([\w.~+/=-]+) *$/i.exec(header)?.[1];
  if (!bearer)
    throw new errors.CredentialInvalid(
      'The Authorization header must be "Bearer", a space, and the API key.',
    );
  return bearer;
}

/** The credential of a `Sec-WebSocket-Protocol` header, if it has one. @throws {@link errors.CredentialInvalid} */
export function fromProtocols(header = ''): string | undefined {
  const found = header
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol.startsWith(BEARER_PROTOCOL));
  if (found.length === 0) return undefined;
  const encoded = found[0]?.slice(BEARER_PROTOCOL.length) ?? '';
  if (found.length > 1 || !/^[\w-]+$/.test(encoded)) {
    throw new errors.CredentialInvalid(
      'The subprotocol must hold one API key, in base64url without padding.',
    );
  }
  return fromAuthorization(`Bearer ${Buffer.from(encoded, 'base64url')}`);
}

/** The credential of the query parameter `ticket`, if there is one. @throws {@link errors.CredentialInvalid} */
export function fromQuery(query: unknown): string | undefined {
  const { ticket } = (query ?? {}) as { ticket?: unknown };
  if (ticket === undefined) return undefined;
  // Keys and tokens don't belong in addresses, which are logged everywhere.
  if (typeof ticket !== 'string' || !ticket.startsWith('dbt_')) {
    throw new errors.CredentialInvalid(
      'The query parameter "ticket" must be one ticket, which begins with "dbt_".',
    );
  }
  return ticket;
}
