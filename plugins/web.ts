import path from 'node:path';
import fastifyStatic from '@fastify/static';
import fp from 'fastify-plugin';
import { projectRoot } from '../lib/paths.js';

/**
 * What the page may do: load from this service and talk to it, and nothing that is written into it. The terminal's own
 * styles are made with the CSSOM, which a policy leaves alone.
 */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/** The terminal page, compressed when it was built. What its routes serve is in `build/web`. */
export default fp(
  async (app) => {
    await app.register(fastifyStatic, {
      root: path.join(projectRoot, 'build', 'web'),
      serve: false,
      preCompressed: true,
      setHeaders: (reply) => {
        reply.header('content-security-policy', PAGE_POLICY);
      },
    });
  },
  { name: 'web' },
);
