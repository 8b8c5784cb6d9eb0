import fastifyHelmet from '@fastify/helmet';
import fp from 'fastify-plugin';

/**
 * Headers of every answer that keep browsers from making more of it than it is. What answers with a page says itself what that
 * may do.
 */
export default fp(
  async (app) => {
    await app.register(fastifyHelmet, {
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'none'"],
          baseUri: ["'none'"],
          formAction: ["'none'"],
          frameAncestors: ["'none'"],
        },
      },
      // It would hold for every port of the host: whether there is TLS is known where it ends, before this service.
      strictTransportSecurity: false,
    });
  },
  { name: 'headers' },
);
