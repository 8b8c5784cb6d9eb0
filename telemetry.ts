import { redact, redactUrl } from './lib/redact.js';

/** The variables that name where traces go, by the OpenTelemetry specification. */
const ENDPOINTS = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];

/** Ends it: what has not been sent yet is. */
type Telemetry = { stop: () => Promise<void> };

/**
 * Traces requests, queries and calls to the engine, and sends the traces by OTLP over HTTP, when OpenTelemetry's own
 * variables ask for it: an endpoint, or OTEL_TRACES_EXPORTER=otlp. They say where to, how much of it, and under what name,
 * too. Otherwise not a line of OpenTelemetry is loaded.
 *
 * What is to be traced must be loaded after this has resolved.
 * @throws when they ask for what is not here, such as gRPC
 * @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export async function startTelemetry(env: NodeJS.ProcessEnv): Promise<Telemetry | undefined> {
  const exporter = env.OTEL_TRACES_EXPORTER?.trim();
  if (env.OTEL_SDK_DISABLED === 'true' || exporter === 'none') return undefined;
  if (!exporter && !ENDPOINTS.some((name) => env[name])) return undefined;
  const protocol = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? env.OTEL_EXPORTER_OTLP_PROTOCOL;
  if (exporter && exporter !== 'otlp') {
    throw new Error(`OTEL_TRACES_EXPORTER "${exporter}" is not supported: set otlp or none.`);
  }
  if (protocol && protocol !== 'http/protobuf') {
    throw new Error(`OTEL_EXPORTER_OTLP_PROTOCOL "${protocol}" is not supported: set http/protobuf.`);
  }

  const [otel, http, pg, fastify, resources, otlp, sdk] = await Promise.all([
    import('@opentelemetry/instrumentation'),
    import('@opentelemetry/instrumentation-http'),
    import('@opentelemetry/instrumentation-pg'),
    import('@fastify/otel'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/exporter-trace-otlp-proto'),
    import('@opentelemetry/sdk-trace-node'),
  ]);
  const { detectResources, envDetector, hostDetector, processDetector, resourceFromAttributes } = resources;
  const provider = new sdk.NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'dockbox' }).merge(
      detectResources({ detectors: [hostDetector, processDetector, envDetector] }),
    ),
    spanProcessors: [withoutSecrets, new sdk.BatchSpanProcessor(new otlp.OTLPTraceExporter())],
  });
  provider.register();
  otel.registerInstrumentations({
    instrumentations: [
      new http.HttpInstrumentation({ redactedQueryParamsServer: ['ticket'] }),
      // Alone, a query is a heartbeat or a sweep: thousands of traces of one span.
      new pg.PgInstrumentation({ requireParentSpan: true }),
      new fastify.FastifyOtelInstrumentation({ registerOnInitialization: true }),
    ],
  });
  return { stop: () => provider.shutdown() };
}

/** Takes secrets out of spans before they are sent: requests' addresses have tickets in them. */
const withoutSecrets = {
  onStart: () => {},
  onEnd: ({ attributes }: { attributes: Record<string, unknown> }) => {
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === 'string') attributes[name] = redact(redactUrl(value));
    }
  },
  forceFlush: async () => {},
  shutdown: async () => {},
};
