import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { call } from './helpers/client.js';
import { makeDeployment } from './helpers/deployment.js';
import { type Handler, startHttpServer } from './helpers/http-server.js';
import { launchServer, startServer } from './helpers/server.js';

t.test('with the variables of OpenTelemetry', async (t) => {
  const traces: Buffer[] = [];
  const collect: Handler = async (request, response) => {
    for await (const chunk of request) traces.push(chunk);
    response.end();
  };
  const collector = await startHttpServer(t, collect);
  const server = await startServer(t, await makeDeployment(t), {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_SERVICE_NAME: 'a name of its own',
    OTEL_BSP_SCHEDULE_DELAY: '50',
  });

  await t.test('a request is traced to its queries and its calls to the engine', async (t) => {
    const ticket = `dbt_${'planted'.repeat(6)}`;
    for (const name of ['ticket', '%74icket']) {
      await call(server, 'GET', `/v1/dockbox/none?${name}=${ticket}`);
      await call(server, 'GET', `/v1/dockbox/none?${name}=${ticket.replace('_', '%5F')}`);
    }
    // Last, so that the others have been sent by the time that it is.
    await call(server, 'GET', '/v1/dockbox?limit=1');
    await call(server, 'GET', '/health/ready');
    const expected = [
      'a name of its own',
      '/v1/dockbox',
      '/health/ready',
      '/v1/dockbox/none',
      'pg.query:SELECT',
      '/_ping',
    ];
    const missing = () => expected.filter((text) => !Buffer.concat(traces).includes(text));
    while (missing().length > 0) await delay(20);
    t.notOk(Buffer.concat(traces).includes('planted'), 'without tickets');
    t.strictSame([...new Set(collector.requests)], ['POST /v1/traces']);
  });
});

t.test('OpenTelemetry that is asked for what is not here', async (t) => {
  const { env } = await makeDeployment(t);
  for (const [name, value] of [
    ['OTEL_TRACES_EXPORTER', 'zipkin'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
  ] as const) {
    const lines: string[] = [];
    const OTEL_TRACES_EXPORTER = 'otlp';
    const launched = launchServer({ ...env, OTEL_TRACES_EXPORTER, [name]: value }, (line) =>
      lines.push(line),
    );
    await t.rejects(launched, `${name}=${value} does not start`);
    t.match(lines.join('\n'), `${name} "${value}" is not supported`, 'and says why');
  }
});
