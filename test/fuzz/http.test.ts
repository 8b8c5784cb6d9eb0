import http from 'node:http';
import { text } from 'node:stream/consumers';
import fc, { type Arbitrary } from 'fast-check';
import t, { type Test } from 'tap';
import { type App, startApp } from '../helpers/app.js';
import { createBox } from '../helpers/box.js';
import { bodiesFor, type Schema, valuesFor } from './arbitraries.js';

/** How many requests each operation gets. */
const RUNS = 60;
/** What is sent to those that make something: each of them may ask the database and the engine. */
const FEWER_RUNS = 25;

type Parameter = { name: string; in: 'path' | 'query' | 'header'; schema: Schema; required?: boolean };
type Operation = {
  operationId: string;
  method: string;
  path: string;
  parameters: Parameter[];
  body: Schema | undefined;
  statuses: string[];
};
type Described = {
  operationId: string;
  parameters?: Parameter[];
  requestBody?: { content: { 'application/json': { schema: Schema } } };
  responses: object;
};
type Document = {
  paths: Record<string, Record<string, Described>>;
  components: { schemas: Record<string, Schema> };
};
type Request = { path: string; headers: Record<string, string>; body?: string };

function operationsOf(app: App): Operation[] {
  const document = app.swagger() as unknown as Document;
  const resolve = (schema: Schema & { $ref?: string }): Schema =>
    schema.$ref ? (document.components.schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {}) : schema;
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      operationId: operation.operationId,
      method: method.toUpperCase(),
      path,
      parameters: operation.parameters ?? [],
      body: operation.requestBody && resolve(operation.requestBody.content['application/json'].schema),
      statuses: Object.keys(operation.responses),
    })),
  );
}

/** Parameters for which there is something. */
const KNOWN: Record<string, string> = { id: 'box', terminal: 'main' };

/** Requests of an operation: with parameters of all kinds, some left out, and bodies of all kinds. */
function requestsFor({ operationId, path, parameters, body }: Operation): Arbitrary<Request> {
  // The one that is there has to stay for those that come after.
  const known = operationId === 'deleteDockbox' ? {} : KNOWN;
  const values = fc.tuple(
    ...parameters.map(({ schema, name }) => {
      const existing = known[name];
      const any = fc.option(valuesFor(schema, name), { freq: 5 });
      return existing === undefined ? any : fc.oneof(fc.constant(existing), any);
    }),
  );
  return fc.tuple(values, body ? bodiesFor(body) : fc.constant(undefined)).map(([given, json]) => {
    const query: string[] = [];
    const headers: Record<string, string> = {};
    let target = path;
    parameters.forEach((parameter, at) => {
      const value = given[at] === null ? undefined : asText(given[at]);
      if (parameter.in === 'path') target = target.replace(`{${parameter.name}}`, encode(value ?? 'x'));
      else if (value === undefined) return;
      else if (parameter.in === 'query') query.push(`${parameter.name}=${encode(value)}`);
      // What no client can put into a header is not a header.
      else headers[parameter.name] = value.replace(/[^\t\x20-\x7e\x80-\xff]/g, '');
    });
    return {
      path: query.length > 0 ? `${target}?${query.join('&')}` : target,
      headers,
      ...(json !== undefined && { body: JSON.stringify(json) }),
    };
  });
}

const asText = (value: unknown) => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
// A lone surrogate can't be encoded.
const encode = (value: string) => encodeURIComponent(Buffer.from(value).toString());

type Answer = { status: number; body: string };

/** Sends a request as it is: `fetch` would mend paths and headers. */
async function send({ base }: App, method: string, { path, headers, body }: Request): Promise<Answer> {
  const request = http.request(`${base}/`, {
    method,
    path,
    agent: false,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
  });
  // A server that has read enough to refuse may hang up on the rest of the body.
  const answer = new Promise<http.IncomingMessage>((resolve, reject) => {
    request.once('response', resolve).once('error', reject);
  });
  request.end(body);
  const response = await answer;
  return { status: response.statusCode ?? 0, body: await text(response) };
}

/** What is wrong with an answer, if anything is. */
function complaint({ statuses }: Operation, { status, body }: Answer): string | undefined {
  if (!statuses.includes(String(status))) return `${status} is not in the document`;
  if (status >= 500) return `answered with ${status}`;
  if (status < 400) return undefined;
  const error = JSON.parse(body);
  const whole = error.statusCode === status && error.code && error.error && error.message;
  return whole ? undefined : 'the error is not in the shape of errors';
}

async function fuzz(t: Test, app: App, operation: Operation): Promise<void> {
  const { method, body } = operation;
  await fc.assert(
    fc.asyncProperty(requestsFor(operation), async (request) => {
      const answer = await send(app, method, request);
      const wrong = complaint(operation, answer);
      if (wrong) throw new Error(`${method} ${request.path}: ${wrong}: ${answer.body}`);
    }),
    { numRuns: body ? FEWER_RUNS : RUNS, endOnFailure: true },
  );
  t.pass(`${operation.operationId} withstands what it is sent`);
}

t.test('whatever is sent, a request is answered as the document says, and never with 500', async (t) => {
  const app = await startApp(t);
  const operations = operationsOf(app);
  t.ok(operations.length > 10);
  const box = await createBox(t, app);

  for (const operation of operations) {
    await t.test(operation.operationId, (t) => fuzz(t, app, operation));
  }

  await t.test('bodies that are not what they say', async (t) => {
    const bodies: [string, string, number][] = [
      ['{', 'application/json', 400],
      ['{"url":"x"', 'application/json', 400],
      ['', 'application/json', 400],
      ['\u0000', 'application/json', 400],
      ['[]', 'application/json', 400],
      ['"url"', 'application/json', 400],
      ['{"__proto__":{"url":"x"}}', 'application/json', 400],
      ['{"url":"x","constructor":{"prototype":{}}}', 'application/json', 400],
      [`${'['.repeat(30_000)}${']'.repeat(30_000)}`, 'application/json', 400],
      [`{"url":"${'x'.repeat(10_000_000)}"}`, 'application/json', 413],
      ['url=x', 'application/x-www-form-urlencoded', 415],
      ['<url>x</url>', 'application/xml', 415],
      ['{"url":"x"}', 'text/plain', 400],
      ['{"url":"x"}', 'application/json; charset=utf-16', 400],
      ['{"url":"x"}', 'nonsense', 415],
    ];
    for (const operation of operations.filter(({ body }) => body)) {
      const path = operation.path.replaceAll(/\{\w+\}/g, 'x');
      for (const [body, type, expected] of bodies) {
        const headers = { 'content-type': type };
        const { status } = await send(app, operation.method, { path, body, headers }).catch(
          (error: NodeJS.ErrnoException) => {
            // It was told that the body is too large, and goes on sending it: the answer is lost in the reset.
            if (expected === 413 && ['ECONNRESET', 'EPIPE'].includes(error.code ?? ''))
              return { status: 413 };
            throw error;
          },
        );
        t.ok(
          status >= 400 && status < 500,
          `${operation.operationId}: ${type} ${body.slice(0, 20)}: ${status}`,
        );
      }
    }
  });

  await t.test('methods and paths that nobody has', async (t) => {
    for (const method of ['PUT', 'PATCH', 'PROPFIND', 'TRACE']) {
      const { status } = await send(app, method, { path: '/v1/dockbox', headers: {} });
      t.equal(status, 404, method);
    }
    for (const path of [
      '//',
      '/..',
      '/v1/../v1/dockbox/x',
      '/%',
      '/%ff',
      '/v1/dockbox/%00',
      `/${'a'.repeat(9000)}`,
    ]) {
      const { status } = await send(app, 'GET', { path, headers: {} });
      t.ok(status >= 400 && status < 500, `${path.slice(0, 40)}: ${status}`);
    }
  });

  await t.test('leaves nothing behind', async (t) => {
    t.strictSame(await app.deployment.rows(), [box]);
    t.strictSame(await app.deployment.workspaces(), [box]);
  });
});
