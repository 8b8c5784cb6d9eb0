import fastifySwagger from '@fastify/swagger';
import fastifySwaggerUi from '@fastify/swagger-ui';
import fp from 'fastify-plugin';
import { BoxSchema, ErrorSchema, failures } from '../lib/schemas/box.js';
import { finishDocument } from '../lib/schemas/document.js';
import { KeySchema } from '../lib/schemas/key.js';
import { SECURITY, SECURITY_SCHEMES } from '../lib/schemas/security.js';
import { TerminalSchema } from '../lib/schemas/terminal.js';
import { ShareSchema } from '../lib/schemas/ticket.js';

/** Where the pages may load from: this service alone. */
const PAGES_POLICY = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self' 'unsafe-inline'",
  'img-src': "'self' data:",
  'connect-src': "'self'",
  'frame-ancestors': "'none'",
};

/** The OpenAPI document, generated from the routes' schemas, at /openapi.json, and its pages at /docs. */
export default fp(
  async (app) => {
    await app.register(fastifySwagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'dockbox',
          version: '0.1.0',
          description: 'A source URL in, a live terminal out.',
          license: { name: 'MIT', identifier: 'MIT' },
        },
        servers: [{ url: '/' }],
        components: { securitySchemes: SECURITY_SCHEMES },
        security: [],
        tags: [
          { name: 'boxes', description: 'Environments made from a source' },
          { name: 'terminals', description: 'Live shells in boxes' },
          { name: 'keys', description: 'What lets people and programs in' },
          { name: 'session', description: 'Browsers that are signed in' },
          { name: 'health', description: 'For load balancers' },
        ],
      },
      transformObject: (document) => {
        const { openapiObject } = document as Exclude<typeof document, { swaggerObject: unknown }>;
        finishDocument(openapiObject as Parameters<typeof finishDocument>[0]);
        return openapiObject;
      },
      transform: ({ schema, url, route }) => ({
        schema: {
          ...schema,
          security: SECURITY[route.config?.access ?? 'public'],
          // What may become of any request to the API, before its route has a word in it.
          ...(url.startsWith('/v1/') && {
            response: { ...failures(429, 503), ...(schema?.response as object) },
          }),
        },
        url,
      }),
      refResolver: { buildLocalReference: (json, _base, _fragment, i) => String(json.$id ?? `def-${i}`) },
    });
    app.addSchema(BoxSchema);
    app.addSchema(ErrorSchema);
    app.addSchema(TerminalSchema);
    app.addSchema(KeySchema);
    app.addSchema(ShareSchema);
    app.get('/openapi.json', { config: { access: 'public' }, schema: { hide: true } }, () => app.swagger());
    await app.register(async (pages) => {
      pages.addHook('onRoute', (route) => {
        route.config = { ...route.config, access: 'public' };
      });
      await pages.register(fastifySwaggerUi, { routePrefix: '/docs', staticCSP: PAGES_POLICY });
    });
  },
  { name: 'swagger' },
);
