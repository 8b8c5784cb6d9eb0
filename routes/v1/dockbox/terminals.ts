import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from 'typebox';
import { authorizeTerminal } from '../../../lib/auth/access.js';
import { errors } from '../../../lib/errors.js';
import { failures } from '../../../lib/schemas/box.js';
import { Id, TERMINAL_RULE, Terminal, TerminalRef } from '../../../lib/schemas/terminal.js';
import { TicketQuery } from '../../../lib/schemas/ticket.js';
import { endTerminal, listTerminals } from '../../../lib/terminals/held.js';
import { resizeTerminal } from '../../../lib/terminals/resize.js';

/** TTYs count columns and rows in 16 bits; no window is that large. */
const Length = Type.Integer({ minimum: 1, maximum: 1000 });

const Query = Type.Object({
  terminal: Type.String({
    pattern: '^[A-Za-z0-9_-]{0,32}$',
    default: 'main',
    description: `${TERMINAL_RULE}; held for whoever connects to it, or empty for a shell that ends with its connection`,
  }),
  cols: Type.Integer({ ...Length, default: 80 }),
  rows: Type.Integer({ ...Length, default: 24 }),
  history: Type.Integer({
    minimum: 0,
    maximum: 10_000,
    default: 1000,
    description: 'How many lines that have left the screen are given back on a reconnect',
  }),
  readonly: Type.Boolean({ default: false, description: 'Watch without typing' }),
  ticket: TicketQuery,
});

declare module 'fastify' {
  interface FastifyRequest {
    /** The box that a WebSocket is for, by now that it was found. */
    boxId: string;
  }
}

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.decorateRequest('boxId', '');
  app.route({
    method: 'GET',
    url: '/ws/:id',
    exposeHeadRoute: false,
    config: { access: 'box:connect' },
    schema: {
      operationId: 'connectTerminal',
      summary: 'The WebSocket of a terminal',
      description: 'Frames from the client are keystrokes; the server sends output in binary frames.',
      tags: ['terminals'],
      params: Type.Object({ id: Id }),
      querystring: Query,
      response: {
        101: Type.Null({ description: 'The terminal' }),
        ...failures(400, 401, 403, 404, 409, 426, 503),
      },
    },
    // Before the upgrade, so that a client gets an HTTP status.
    preHandler: async (request) => {
      const { params, principal, query, ws } = request;
      if (!ws) throw new errors.UpgradeRequired();
      app.drain.refuse();
      const { id } = params as { id: string };
      authorizeTerminal(principal, query as Static<typeof Query>);
      const [box] = await Promise.all([app.boxes.find(principal, id), app.engine.ping()]);
      if (box.status === 'failed') throw new errors.BoxFailed(box.error ?? '');
      await app.quotas.checkConnection(app.pg.pool, principal, box, false);
      // After it was out of touch: else it would be given up at once with those that this replica can't vouch for.
      await app.connections.breakSilence();
      // Last, so that a ticket is not lost to a failure: whom it lets in now, nobody else gets in with.
      const { kind } = principal.credential;
      if (kind === 'ticket' || kind === 'share') {
        await app.auth.tickets.use(principal.credential);
        request.audit(`use-${kind}`, { box: box.id });
      }
      request.boxId = box.id;
      // The engine may have taken its time: a terminal after those that the end closes would hold it up.
      app.drain.refuse();
    },
    handler: () => {
      throw new errors.UpgradeRequired();
    },
    wsHandler: async (socket, request) => {
      const { cols, rows, terminal, history, readonly } = request.query as Static<typeof Query>;
      const { boxes, config, connections, engine, tools } = app;
      const { boxId: id } = request;
      request.audit('connect', { box: id, terminal });
      await app.terminals.serve(socket, {
        ...{ boxes, connections, engine, tools, who: request.principal, id },
        wish: { terminal, size: { cols, rows }, history, readonly },
        pingSeconds: config.PING_SECONDS,
        log: request.log.child({ box: id, terminal }),
      });
      request.audit('disconnect', { box: id, terminal });
    },
  });

  app.get(
    '/:id/terminals',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'listTerminals',
        summary: 'The terminals that are held in a dockbox',
        tags: ['terminals'],
        params: Type.Object({ id: Id }),
        response: {
          200: Type.Object({ items: Type.Array(TerminalRef) }, { description: 'All of them' }),
          ...failures(400, 401, 403, 404, 503),
        },
      },
    },
    async ({ params, principal }) => {
      const { id } = await app.boxes.find(principal, params.id);
      return { items: await listTerminals(app.engine, id) };
    },
  );

  app.delete(
    '/:id/terminals/:terminal',
    {
      config: { access: 'write' },
      schema: {
        operationId: 'endTerminal',
        summary: 'End a terminal with what runs in it',
        tags: ['terminals'],
        params: Type.Object({ id: Id, terminal: Terminal }),
        response: { 204: Type.Null({ description: 'It is gone' }), ...failures(400, 401, 403, 404, 503) },
      },
    },
    async (request, reply) => {
      const { params, principal } = request;
      const { id } = await app.boxes.find(principal, params.id);
      await endTerminal(app.engine, id, params.terminal);
      request.audit('end-terminal', { box: id, terminal: params.terminal });
      return reply.code(204).send(null);
    },
  );

  app.post(
    '/:id/terminals/:terminal/size',
    {
      config: { access: 'box:resize' },
      schema: {
        operationId: 'resizeTerminal',
        summary: 'Tell a terminal how large its window is',
        tags: ['terminals'],
        params: Type.Object({ id: Id, terminal: Terminal }),
        querystring: Type.Object({ ticket: TicketQuery }),
        body: Type.Object({ cols: Length, rows: Length }, { additionalProperties: false }),
        response: { 204: Type.Null({ description: 'It knows' }), ...failures(400, 401, 403, 404, 503) },
      },
    },
    async ({ params, body, principal }, reply) => {
      const { engine, connections } = app;
      authorizeTerminal(principal, { terminal: params.terminal, readonly: false });
      const { id: boxId } = await app.boxes.find(principal, params.id);
      await resizeTerminal({ engine, connections, boxId, terminal: params.terminal, size: body });
      return reply.code(204).send(null);
    },
  );
};

export default routes;
