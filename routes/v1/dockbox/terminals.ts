import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from 'typebox';
import { errors } from '../../../lib/errors.js';
import { failures } from '../../../lib/schemas/box.js';
import { TerminalRef } from '../../../lib/schemas/terminal.js';
import { endTerminal, listTerminals } from '../../../lib/terminals/held.js';
import { resizeTerminal } from '../../../lib/terminals/resize.js';

const Id = Type.String({ maxLength: 64, description: 'The id or the name of the dockbox' });
const TERMINAL_RULE = 'at most 32 letters, digits, hyphens and underscores';
const Terminal = Type.String({ pattern: '^[A-Za-z0-9_-]{1,32}$', description: TERMINAL_RULE });
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
});

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.route({
    method: 'GET',
    url: '/ws/:id',
    exposeHeadRoute: false,
    schema: {
      operationId: 'connectTerminal',
      summary: 'The WebSocket of a terminal',
      description: 'Frames from the client are keystrokes; the server sends output in binary frames.',
      tags: ['terminals'],
      params: Type.Object({ id: Id }),
      querystring: Query,
      response: {
        101: Type.Null({ description: 'The terminal' }),
        ...failures(400, 404, 409, 426, 503),
      },
    },
    // Before the upgrade, so that a client gets an HTTP status.
    preHandler: async ({ params, ws }) => {
      if (!ws) throw new errors.UpgradeRequired();
      app.drain.refuse();
      const { id } = params as { id: string };
      const [box] = await Promise.all([app.boxes.find(id), app.engine.ping()]);
      if (box.status === 'failed') throw new errors.BoxFailed(box.error ?? '');
      // The engine may have taken its time: a terminal after those that the end closes would hold it up.
      app.drain.refuse();
    },
    handler: () => {
      throw new errors.UpgradeRequired();
    },
    wsHandler: (socket, request) => {
      const { cols, rows, terminal, history, readonly } = request.query as Static<typeof Query>;
      const { id } = request.params as { id: string };
      const { boxes, config, connections, docker, tools } = app;
      return app.terminals.serve(socket, {
        ...{ boxes, connections, docker, tools, id },
        wish: { terminal, size: { cols, rows }, history, readonly },
        pingSeconds: config.PING_SECONDS,
        log: request.log.child({ box: id, terminal }),
      });
    },
  });

  app.get(
    '/:id/terminals',
    {
      schema: {
        operationId: 'listTerminals',
        summary: 'The terminals that are held in a dockbox',
        tags: ['terminals'],
        params: Type.Object({ id: Id }),
        response: {
          200: Type.Object({ items: Type.Array(TerminalRef) }, { description: 'All of them' }),
          ...failures(400, 404, 503),
        },
      },
    },
    async ({ params }) => {
      const { id } = await app.boxes.find(params.id);
      return { items: await listTerminals(app.docker, id) };
    },
  );

  app.delete(
    '/:id/terminals/:terminal',
    {
      schema: {
        operationId: 'endTerminal',
        summary: 'End a terminal with what runs in it',
        tags: ['terminals'],
        params: Type.Object({ id: Id, terminal: Terminal }),
        response: { 204: Type.Null({ description: 'It is gone' }), ...failures(400, 404, 503) },
      },
    },
    async ({ params }, reply) => {
      const { id } = await app.boxes.find(params.id);
      await endTerminal(app.docker, id, params.terminal);
      return reply.code(204).send(null);
    },
  );

  app.post(
    '/:id/terminals/:terminal/size',
    {
      schema: {
        operationId: 'resizeTerminal',
        summary: 'Tell a terminal how large its window is',
        tags: ['terminals'],
        params: Type.Object({ id: Id, terminal: Terminal }),
        body: Type.Object({ cols: Length, rows: Length }, { additionalProperties: false }),
        response: { 204: Type.Null({ description: 'It knows' }), ...failures(400, 404, 503) },
      },
    },
    async ({ params, body }, reply) => {
      const { docker, connections } = app;
      const { id: boxId } = await app.boxes.find(params.id);
      await resizeTerminal({ docker, connections, boxId, terminal: params.terminal, size: body });
      return reply.code(204).send(null);
    },
  );
};

export default routes;
