import { STATUS_CODES } from 'node:http';
import type { FastifyError } from 'fastify';
import fp from 'fastify-plugin';

/** Our own errors and Fastify's: their status and message are meant for clients. Docker's and PostgreSQL's are not. */
const FOR_CLIENTS = /^(DBX|FST)_/;

/** Makes every error body: what a client did wrong in words; what we did wrong by the request's id alone. */
export default fp(
  async (app) => {
    app.setErrorHandler((error: FastifyError, request, reply) => {
      const known = FOR_CLIENTS.test(error.code ?? '') || error.validation;
      const statusCode = (known && error.statusCode) || 500;
      if (statusCode === 500) request.log.error({ err: error }, 'a request failed');
      return reply.code(statusCode).send({
        statusCode,
        code: statusCode === 500 ? 'DBX_INTERNAL' : error.code,
        error: STATUS_CODES[statusCode] ?? 'Error',
        message:
          statusCode === 500
            ? `Something went wrong here. If you report it, name the request ${request.id}.`
            : error.message,
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
