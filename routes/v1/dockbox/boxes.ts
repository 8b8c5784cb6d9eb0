import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import type { Principal } from '../../../lib/auth/principal.js';
import type { Box } from '../../../lib/boxes/store.js';
import { type BoxBody, BoxRef, BoxSchema, CreateBoxSchema, failures } from '../../../lib/schemas/box.js';
import { Page, PageQuery } from '../../../lib/schemas/page.js';
import { Id } from '../../../lib/schemas/terminal.js';
import { TicketQuery } from '../../../lib/schemas/ticket.js';

/** Seconds that a creation may keep its caller waiting: below the 60 after which an ALB gives up. */
const DEFAULT_WAIT_SECONDS = 25;
const MAX_WAIT_SECONDS = 50;

const Params = Type.Object({ id: Id });

const routes: FastifyPluginAsyncTypebox = async (app) => {
  const present = (box: Box, viewer: Principal) => presentBox(box, viewer, app.config.IDLE_TIMEOUT_SECONDS);

  app.post(
    '',
    {
      config: { access: 'write' },
      schema: {
        operationId: 'createDockbox',
        summary: 'Make a dockbox from a source',
        tags: ['boxes'],
        headers: Type.Object({
          prefer: Type.Optional(Type.String({ description: 'wait=N seconds, at most 50' })),
        }),
        body: CreateBoxSchema,
        response: {
          201: CreatedBody('It is ready'),
          202: CreatedBody('It is being created'),
          ...failures(400, 401, 403, 409, 422, 429, 503),
        },
      },
    },
    async (request, reply) => {
      app.drain.refuse();
      const { principal, body, headers } = request;
      const creation = app.boxes.create(principal, body, waitSeconds(headers.prefer));
      const box = await creation.catch((error) => {
        request.audit('create', { code: error.code });
        throw error;
      });
      request.audit('create', { box: box.id });
      const ready = box.status === 'ready';
      const message = ready
        ? `Connect a terminal to /v1/dockbox/ws/${box.id}`
        : `Still being created: watch it in a terminal at /v1/dockbox/ws/${box.id}`;
      return reply
        .code(ready ? 201 : 202)
        .header('location', `/v1/dockbox/${box.id}`)
        .send({ ...present(box, principal), message });
    },
  );

  app.get(
    '',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'listDockboxes',
        summary: 'List your dockboxes, newest first',
        tags: ['boxes'],
        querystring: Type.Object({
          ...PageQuery,
          url: Type.Optional(
            Type.String({ minLength: 1, maxLength: 2048, description: 'Those of this source alone' }),
          ),
        }),
        response: {
          200: Page(BoxRef),
          ...failures(400, 401, 403, 503),
        },
      },
    },
    async ({ principal, query }) => {
      const { items, nextCursor } = await app.boxes.list(principal, query);
      return { items: items.map((box) => present(box, principal)), nextCursor };
    },
  );

  app.get(
    '/:id',
    {
      config: { access: 'box:read' },
      schema: {
        operationId: 'getDockbox',
        summary: 'One dockbox',
        tags: ['boxes'],
        params: Params,
        querystring: Type.Object({ ticket: TicketQuery }),
        response: { 200: BoxRef, ...failures(400, 401, 403, 404, 503) },
      },
    },
    async ({ principal, params }) => present(await app.boxes.get(principal, params.id), principal),
  );

  app.delete(
    '/:id',
    {
      config: { access: 'write' },
      schema: {
        operationId: 'deleteDockbox',
        summary: 'Delete a dockbox with its files',
        tags: ['boxes'],
        params: Params,
        response: { 204: Type.Null({ description: 'It is gone' }), ...failures(400, 401, 403, 404, 503) },
      },
    },
    async (request, reply) => {
      const box = await app.boxes.delete(request.principal, request.params.id);
      request.audit('delete', { box: box.id });
      return reply.code(204).send(null);
    },
  );

  app.post(
    '/:id/stop',
    {
      config: { access: 'write' },
      schema: {
        operationId: 'stopDockbox',
        summary: 'Stop a dockbox now rather than when it is idle',
        tags: ['boxes'],
        params: Params,
        response: { 200: BoxRef, ...failures(400, 401, 403, 404, 409, 503) },
      },
    },
    async (request) => {
      const box = await app.boxes.stop(request.principal, request.params.id);
      request.audit('stop', { box: box.id });
      return present(box, request.principal);
    },
  );
};

function CreatedBody(description: string) {
  return Type.Object({ ...BoxSchema.properties, message: Type.String() }, { description });
}

/** A box as clients see it; whose it is, is no business of whoever has a ticket. */
function presentBox(
  { error, createdAt, lastModified, idleSince, ...box }: Box,
  { pass }: Principal,
  idleSeconds: number,
): BoxBody {
  const { id, owner, name, url, ref, directory, image, status, running, connections, warnings } = box;
  const isIdle = status === 'ready' && running && idleSince !== null;
  return {
    ...{ id, name, url, ref, directory, image, status, running, connections, warnings },
    stopsAt: isIdle ? new Date(idleSince.getTime() + idleSeconds * 1000).toISOString() : null,
    ...(!pass && { owner }),
    ...(error !== null && { error }),
    createdAt: createdAt.toISOString(),
    lastModified: lastModified.toISOString(),
  };
}

/** The `wait` preference of RFC 7240, in seconds. What can't be understood is ignored, as the RFC says. */
function waitSeconds(prefer = ''): number {
  const wait = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,6})"?/i.exec(prefer)?.[1];
  return wait === undefined ? DEFAULT_WAIT_SECONDS : Math.min(Number(wait), MAX_WAIT_SECONDS);
}

export default routes;
