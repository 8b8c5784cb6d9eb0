import { Ajv, type ErrorObject } from 'ajv';
import ajvFormats from 'ajv-formats';
import fp from 'fastify-plugin';

/** Checks against one part of a request. `verbose` lets an error tell what its schema says of the value. */
function validator(options: { coerceTypes: boolean | 'array' }) {
  // Unknown properties are refused rather than dropped: a misspelt option is told, not lost.
  const ajv = new Ajv({ ...options, useDefaults: true, removeAdditional: false, verbose: true });
  ajvFormats.default(ajv);
  return ajv;
}

/** What a client did wrong, in words. */
function describe(
  { instancePath, keyword, params, parentSchema, message }: ErrorObject,
  part: string,
): string {
  const value = `${part}${instancePath}`;
  if (keyword === 'additionalProperties') return `${value} has no property "${params.additionalProperty}"`;
  if (keyword === 'pattern' && parentSchema?.description)
    return `${value} must be ${parentSchema.description}`;
  if (keyword === 'enum') return `${value} must be one of ${params.allowedValues.join(', ')}`;
  return `${value} ${message}`;
}

/** Checks requests against their routes' schemas. A JSON body has types of its own; all else is text. */
export default fp(
  async (app) => {
    const json = validator({ coerceTypes: false });
    const text = validator({ coerceTypes: 'array' });
    app.setValidatorCompiler(({ schema, httpPart }) =>
      (httpPart === 'body' ? json : text).compile(schema as object),
    );
    // Clients of many kinds say that they send JSON whatever they send: nothing sent is nothing wished for.
    const parse = app.getDefaultJsonParser('error', 'error');
    app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) =>
      body === '' ? done(null) : parse(request, body, done),
    );
    app.addHook('preValidation', async (request) => {
      if (request.routeOptions.schema?.body && request.body === undefined) request.body = {};
    });
    app.setSchemaErrorFormatter(([error], part) => new Error(describe(error as ErrorObject, part)));
  },
  { name: 'validation' },
);
