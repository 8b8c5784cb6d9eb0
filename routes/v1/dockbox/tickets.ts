import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Share } from '../../../lib/auth/tickets.js';
import { failures } from '../../../lib/schemas/box.js';
import { Id } from '../../../lib/schemas/terminal.js';
import {
  CreateShareSchema,
  CreateTicketSchema,
  NewShareBody,
  ShareRef,
  TicketBody,
} from '../../../lib/schemas/ticket.js';

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.post(
    '/:id/ticket',
    {
      config: { access: 'write' },
      schema: {
        operationId: 'createTicket',
        summary: 'Let somebody connect to a terminal once',
        description: 'For a client that can send no header, such as a page in a browser.',
        tags: ['terminals'],
        params: Type.Object({ id: Id }),
        body: CreateTicketSchema,
        response: { 201: TicketBody, ...failures(400, 401, 403, 404, 409, 503) },
      },
    },
    async (request, reply) => {
      const { id: boxId } = await app.boxes.find(request.principal, request.params.id);
      const wish = { ...request.body, kind: 'ticket', boxId } as const;
      const { secret, ...ticket } = await app.auth.tickets.create(request.principal, wish);
      request.audit('make-ticket', { box: boxId, subject: ticket.id });
      const url = addressOf(request, boxId, ticket, secret);
      return reply.code(201).send({ ticket: secret, url, expiresAt: ticket.expiresAt.toISOString() });
    },
  );

  app.post(
    '/:id/shares',
    {
      config: { access: 'write' },
      schema: {
        operationId: 'createShare',
        summary: 'Let others into a dockbox, until that expires or is revoked',
        tags: ['terminals'],
        params: Type.Object({ id: Id }),
        body: CreateShareSchema,
        response: { 201: NewShareBody, ...failures(400, 401, 403, 404, 409, 503) },
      },
    },
    async (request, reply) => {
      const { id: boxId } = await app.boxes.find(request.principal, request.params.id);
      const wish = { ...request.body, kind: 'share', boxId } as const;
      const { secret, ...share } = await app.auth.tickets.create(request.principal, wish);
      request.audit('make-share', { box: boxId, subject: share.id });
      const url = addressOf(request, boxId, share, secret);
      return reply.code(201).send({ ...present(share), ticket: secret, url });
    },
  );

  app.get(
    '/:id/shares',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'listShares',
        summary: 'The shares of a dockbox that are good',
        tags: ['terminals'],
        params: Type.Object({ id: Id }),
        response: {
          200: Type.Object({ items: Type.Array(ShareRef) }, { description: 'All of them, newest first' }),
          ...failures(400, 401, 403, 404, 503),
        },
      },
    },
    async ({ params, principal }) => {
      const { id } = await app.boxes.find(principal, params.id);
      return { items: (await app.auth.tickets.shares(id)).map(present) };
    },
  );

  app.delete(
    '/:id/shares/:share',
    {
      config: { access: 'write' },
      schema: {
        operationId: 'revokeShare',
        summary: 'End a share, and the terminals that are open with it',
        tags: ['terminals'],
        params: Type.Object({ id: Id, share: Type.String({ maxLength: 64, description: 'Its id' }) }),
        response: { 204: Type.Null({ description: 'It is gone' }), ...failures(400, 401, 403, 404, 503) },
      },
    },
    async (request, reply) => {
      const { id, share } = request.params;
      const box = await app.boxes.find(request.principal, id);
      await app.auth.tickets.revoke(box.id, share);
      request.audit('revoke-share', { box: box.id, subject: share });
      return reply.code(204).send(null);
    },
  );
};

/** Where to connect with a ticket, as seen from where it was asked for. */
function addressOf(
  { protocol, host }: FastifyRequest,
  boxId: string,
  { terminal, readonly }: Share,
  secret: string,
): string {
  const url = new URL(`${protocol === 'https' ? 'wss' : 'ws'}://${host}/v1/dockbox/ws/${boxId}`);
  if (terminal !== null) url.searchParams.set('terminal', terminal);
  if (readonly) url.searchParams.set('readonly', 'true');
  url.searchParams.set('ticket', secret);
  return url.href;
}

const present = ({ createdAt, expiresAt, lastUsedAt, ...share }: Share) => ({
  ...share,
  createdAt: createdAt.toISOString(),
  expiresAt: expiresAt.toISOString(),
  lastUsedAt: lastUsedAt?.toISOString() ?? null,
});

export default routes;
