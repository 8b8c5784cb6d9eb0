import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import type { Key } from '../../../lib/auth/keys.js';
import { failures } from '../../../lib/schemas/box.js';
import { CreateKeySchema, KeyRef, KeySchema } from '../../../lib/schemas/key.js';
import { Page, PageQuery } from '../../../lib/schemas/page.js';

const NewKey = Type.Object(
  { ...KeySchema.properties, key: Type.String({ description: 'The secret, which is not told again' }) },
  { description: 'The key' },
);

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.post(
    '',
    {
      config: { access: 'write' },
      schema: {
        operationId: 'createKey',
        summary: 'Make an API key',
        description: 'For yourself, with no more rights than your own; an admin makes keys for others, too.',
        tags: ['keys'],
        body: CreateKeySchema,
        response: { 201: NewKey, ...failures(400, 401, 403, 409, 503) },
      },
    },
    async (request, reply) => {
      const { key, ...made } = await app.auth.keys.create(request.principal, request.body);
      request.audit('make-key', { subject: made.id });
      return reply.code(201).send({ ...present(made), key });
    },
  );

  app.get(
    '',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'listKeys',
        summary: 'List your API keys, newest first; as an admin, everybody’s',
        tags: ['keys'],
        querystring: Type.Object(PageQuery),
        response: {
          200: Page(KeyRef),
          ...failures(400, 401, 403, 503),
        },
      },
    },
    async ({ principal, query }) => {
      const { items, nextCursor } = await app.auth.keys.list(principal, query.limit, query.cursor);
      return { items: items.map(present), nextCursor };
    },
  );

  app.delete(
    '/:id',
    {
      config: { access: 'write' },
      schema: {
        operationId: 'revokeKey',
        summary: 'Revoke an API key, with the sessions, tickets and terminals that it opened',
        tags: ['keys'],
        params: Type.Object({ id: Type.String({ maxLength: 64, description: 'Its id' }) }),
        response: {
          204: Type.Null({ description: 'It is no longer good' }),
          ...failures(400, 401, 403, 404, 503),
        },
      },
    },
    async (request, reply) => {
      await app.auth.keys.revoke(request.principal, request.params.id);
      request.audit('revoke-key', { subject: request.params.id });
      return reply.code(204).send(null);
    },
  );
};

const present = ({ createdAt, expiresAt, lastUsedAt, revokedAt, ...key }: Key) => ({
  ...key,
  createdAt: createdAt.toISOString(),
  expiresAt: expiresAt?.toISOString() ?? null,
  lastUsedAt: lastUsedAt?.toISOString() ?? null,
  revokedAt: revokedAt?.toISOString() ?? null,
});

export default routes;
