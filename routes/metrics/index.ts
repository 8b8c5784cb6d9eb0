import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { failures } from '../../lib/schemas/box.js';

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'getMetrics',
        summary: 'Figures of this replica and its boxes, for Prometheus',
        tags: ['health'],
        produces: ['text/plain'],
        response: {
          200: {
            description: "Prometheus' text format",
            content: { 'text/plain': { schema: Type.String() } },
          },
          ...failures(400, 401, 403, 503),
        },
      },
      logLevel: 'warn',
    },
    async (_request, reply) => reply.type(app.metrics.contentType).send(await app.metrics.metrics()),
  );
};

export default routes;
