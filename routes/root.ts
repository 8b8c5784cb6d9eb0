import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { failures } from '../lib/schemas/box.js';

const file = { config: { access: 'public' }, schema: { hide: true } } as const;

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/',
    {
      config: { access: 'public' },
      schema: {
        operationId: 'getService',
        summary: 'What this is',
        description: 'Browsers, which accept HTML, get the terminal page.',
        tags: ['health'],
        response: {
          200: Type.Object({ name: Type.String(), docs: Type.String() }, { description: 'The service' }),
          ...failures(400),
        },
      },
    },
    async ({ headers }, reply) => {
      reply.header('vary', 'accept');
      // A page that names assets of yesterday would load nothing.
      if (headers.accept?.includes('text/html')) return reply.sendFile('index.html', { maxAge: 0 });
      return { name: 'dockbox', docs: '/docs' };
    },
  );

  app.get('/assets/:name', { ...file, logLevel: 'warn' }, ({ params }, reply) => {
    const { name } = params as { name: string };
    // The name has a hash of the content.
    return reply.sendFile(`assets/${name}`, { maxAge: '1y', immutable: true });
  });

  for (const icon of ['icon.svg', 'badge.svg']) {
    app.get(`/${icon}`, file, (_request, reply) => reply.sendFile(icon, { maxAge: '1d' }));
  }
};

export default routes;
