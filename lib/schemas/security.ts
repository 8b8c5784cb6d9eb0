import type { Access } from '../auth/access.js';
import { SESSION_COOKIE } from '../auth/sessions.js';

/** How clients may prove who they are, as OpenAPI describes it. */
export const SECURITY_SCHEMES = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key, or a token of the OpenID Connect issuer that the service trusts',
  },
  cookie: {
    type: 'apiKey',
    in: 'cookie',
    name: SESSION_COOKIE,
    description:
      'That of a browser that has signed in; what changes anything has to come from a page of the service',
  },
  ticket: {
    type: 'apiKey',
    in: 'query',
    name: 'ticket',
    description: 'A ticket, which is good for one connection, or a share of the dockbox',
  },
} as const;

type Requirement = Partial<Record<keyof typeof SECURITY_SCHEMES, string[]>>;

const SIGNED_IN: Requirement[] = [{ bearer: [] }, { cookie: [] }];
const LET_IN: Requirement[] = [...SIGNED_IN, { ticket: [] }];

/** What each access asks for. */
export const SECURITY: Record<Access, Requirement[]> = {
  public: [],
  read: SIGNED_IN,
  write: SIGNED_IN,
  'box:read': LET_IN,
  'box:connect': LET_IN,
  'box:resize': LET_IN,
};
