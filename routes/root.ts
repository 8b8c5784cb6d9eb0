import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { failures } from '../lib/schemas/box.js';

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/',
    {
      config: { access: 'public' },
      schema: {
        operationId: 'getService',
        summary: 'What this is',
        tags: ['health'],
        response: {
          200: Type.Object({ name: Type.String(), docs: Type.String() }, { description: 'The service' }),
          ...failures(400),
        },
      },
    },
    async () => ({ name: 'dockbox', docs: '/docs' }),
  );
};

export default routes;
