import { STATUS_CODES } from 'node:http';
import type { FastifyError } from 'fastify';
import fp from 'fastify-plugin';
import { forClient } from '../lib/errors.js';

/** What a client may prove who it is with (RFC 6750). */
const CHALLENGE = 'Bearer realm="dockbox"';

/** When a client should try again what the server could not do just now, in seconds. */
const RETRY_AFTER_SECONDS = 2;

/** What to do about what Fastify refuses in words that don't say it, by its codes. */
const ADVICE: Record<string, string> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'The body must be JSON: send it with "Content-Type: application/json".',
};

/** Makes every error body: what a client did wrong in words; what we did wrong by the request's id alone. */
export default fp(
  async (app) => {
    app.setErrorHandler((thrown: FastifyError, request, reply) => {
      const fastifys = thrown.code?.startsWith('FST_') || thrown.validation;
      const error = forClient(thrown) ?? (fastifys ? thrown : undefined);
      const statusCode = error?.statusCode ?? 500;
      if (statusCode >= 500)
        request.log[statusCode === 500 ? 'error' : 'warn']({ err: thrown }, 'a request failed');
      if (statusCode === 401) reply.header('www-authenticate', CHALLENGE);
      const { retryAfterSeconds = statusCode === 503 ? RETRY_AFTER_SECONDS : undefined } = thrown as {
        retryAfterSeconds?: number;
      };
      if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds);
      return reply.code(statusCode).send({
        statusCode,
        code: statusCode === 500 ? 'DBX_INTERNAL' : error?.code,
        error: STATUS_CODES[statusCode] ?? 'Error',
        message:
          error && statusCode !== 500
            ? (ADVICE[error.code] ?? error.message)
            : `Something went wrong here. If you report it, name the request ${request.id}.`,
      });
    });
    app.setNotFoundHandler((request, reply) =>
      reply.code(404).send({
        statusCode: 404,
        code: 'DBX_NO_ROUTE',
        error: 'Not Found',
        message: `There is no ${request.method} ${request.url.split('?')[0]}: see /docs for what there is.`,
      }),
    );
  },
  { name: 'errors' },
);
