import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { fromAuthorization } from '../../../lib/auth/credentials.js';
import { type Principal, SCOPES } from '../../../lib/auth/principal.js';
import { SESSION_COOKIE } from '../../../lib/auth/sessions.js';
import { failures } from '../../../lib/schemas/box.js';

const SessionBody = Type.Object(
  {
    auth: Type.Enum(['token', 'jwt', 'none'], {
      description: 'How one proves who one is here; none: not at all',
    }),
    owner: Type.String({ description: 'Who you are' }),
    scope: Type.Enum([...SCOPES]),
    credential: Type.Enum(['key', 'session', 'token', 'none'], { description: 'What you came with' }),
    expiresAt: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
  },
  { description: 'Who you are' },
);

const routes: FastifyPluginAsyncTypebox = async (app) => {
  const present = ({ owner, scope, credential: { kind, until } }: Principal) => ({
    ...{ auth: app.auth.mode, owner, scope, credential: kind as 'key' | 'session' | 'token' | 'none' },
    expiresAt: until?.toISOString() ?? null,
  });
  /** No page can read it; it is sent along by this service's own pages alone, and never without TLS where there is TLS. */
  const cookie = ({ protocol }: FastifyRequest) =>
    ({ path: '/', httpOnly: true, sameSite: 'strict', secure: protocol === 'https' }) as const;

  app.post(
    '',
    {
      config: { access: 'public' },
      schema: {
        operationId: 'signIn',
        summary: 'Sign a browser in',
        description:
          'With an API key in the body, or what the Authorization header has. The answer sets a cookie.',
        tags: ['session'],
        body: Type.Object(
          { key: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'An API key' })) },
          { additionalProperties: false },
        ),
        response: { 201: SessionBody, ...failures(400, 401, 403, 503) },
      },
    },
    async (request, reply) => {
      const { authorization } = request.headers;
      const bearer = request.body.key ?? (authorization && fromAuthorization(authorization));
      const who = await app.auth.signIn(bearer).catch((error) => {
        request.audit('refused', { code: error.code });
        throw error;
      });
      const { secret, id, until } = await app.auth.sessions.begin(who);
      request.audit('sign-in', { who, subject: id });
      const credential = { kind: 'session', id, until } as const;
      return reply
        .code(201)
        .setCookie(SESSION_COOKIE, secret, { ...cookie(request), expires: until })
        .send(present({ ...who, credential }));
    },
  );

  app.get(
    '',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'getSession',
        summary: 'Who you are, and whether that has to be proved here',
        tags: ['session'],
        response: { 200: SessionBody, ...failures(400, 401, 403, 503) },
      },
    },
    async ({ principal }) => present(principal),
  );

  app.delete(
    '',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'signOut',
        summary: 'Sign a browser out, and close the terminals that it has open',
        tags: ['session'],
        response: { 204: Type.Null({ description: 'It is signed out' }), ...failures(400, 401, 403, 503) },
      },
    },
    async (request, reply) => {
      const { sessionId } = request.principal.credential;
      if (sessionId) await app.auth.sessions.end(sessionId);
      request.audit('sign-out');
      return reply.code(204).clearCookie(SESSION_COOKIE, cookie(request)).send(null);
    },
  );
};

export default routes;
