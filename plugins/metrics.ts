import fp from 'fastify-plugin';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type Census, countBoxes } from '../lib/boxes/census.js';
import { subscribe } from '../lib/events.js';

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Registry;
  }
}

/** Upper bounds in seconds: of what takes a round trip to the database, to the engine, and to a source. */
const REQUEST_SECONDS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];
const CONNECT_SECONDS = [0.03, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];
const CREATE_SECONDS = [0.3, 0.5, 1, 2, 5, 10, 20, 60, 120, 300];
const SWEEP_SECONDS = [0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30];

/** What Prometheus reads of this replica, as `app.metrics`. */
export default fp(
  async (app) => {
    const registry = new Registry();
    app.decorate('metrics', registry);
    collectDefaultMetrics({ register: registry });
    const registers = [registry];

    new Gauge({
      name: 'dockbox_terminals',
      help: 'Terminals that are connected to this replica',
      registers,
      collect() {
        this.set(app.terminals.size);
      },
    });
    new Gauge({
      name: 'dockbox_draining',
      help: '1 when this replica is about to go',
      registers,
      collect() {
        this.set(app.drain.active ? 1 : 0);
      },
    });
    new Gauge({
      name: 'dockbox_database_connections',
      help: 'Connections to the database in use and idle, and callers who wait for one',
      labelNames: ['state'],
      registers,
      collect() {
        const { totalCount, idleCount, waitingCount } = app.pg.pool;
        this.set({ state: 'used' }, totalCount - idleCount);
        this.set({ state: 'idle' }, idleCount);
        this.set({ state: 'waiting' }, waitingCount);
      },
    });
    new Gauge({
      name: 'dockbox_boxes',
      help: 'Boxes of the deployment, the same on every replica: all (estimated), creating, running, idle of those, deleting',
      labelNames: ['state'],
      registers,
      async collect() {
        // A database that is away is worth a gap in the graph, and no reason to hide all else.
        this.reset();
        const census: Partial<Census> = await countBoxes(app.pg.pool).catch((err: unknown) => {
          app.log.warn({ err }, 'boxes could not be counted');
          return {};
        });
        for (const [state, count] of Object.entries(census)) this.set({ state }, count);
      },
    });

    if (app.nodes) {
      const { nodes } = app;
      new Gauge({
        name: 'dockbox_nodes',
        help: 'Nodes of the swarm as this replica sees them: all, and ready for boxes of those',
        labelNames: ['state'],
        registers,
        collect() {
          this.set({ state: 'all' }, nodes.all().length);
          this.set({ state: 'ready' }, nodes.ready().length);
        },
      });
    }

    const histogram = (name: string, help: string, labelNames: string[], buckets: number[]) =>
      new Histogram({ name, help, labelNames, buckets, registers });
    const counter = (name: string, help: string, labelNames: string[] = []) =>
      new Counter({ name, help, labelNames, registers });

    const requests = histogram(
      'dockbox_http_request_seconds',
      'Requests, by route; not the terminals',
      ['method', 'route', 'status'],
      REQUEST_SECONDS,
    );
    const creations = histogram(
      'dockbox_create_seconds',
      'From a row to a box that is ready, or has failed',
      ['outcome'],
      CREATE_SECONDS,
    );
    const connections = histogram(
      'dockbox_connect_seconds',
      'From a WebSocket to a shell, once the box is there',
      ['outcome'],
      CONNECT_SECONDS,
    );
    const sweeps = histogram('dockbox_sweep_seconds', 'Sweeps', ['outcome'], SWEEP_SECONDS);
    const stops = counter('dockbox_idle_stops_total', 'Boxes that were stopped because nobody was connected');
    const failures = counter(
      'dockbox_engine_errors_total',
      'Calls that the engine did not answer, or failed',
      ['kind'],
    );

    // A series that begins with its first event hides that event from a rate.
    for (const kind of ['unavailable', 'failed']) failures.inc({ kind }, 0);

    const ends = [
      subscribe('dockbox.creation', ({ ms, outcome }) => creations.observe({ outcome }, ms / 1000)),
      subscribe('dockbox.connection', ({ ms, outcome }) => connections.observe({ outcome }, ms / 1000)),
      subscribe('dockbox.sweep', ({ ms, outcome }) => sweeps.observe({ outcome }, ms / 1000)),
      subscribe('dockbox.idle-stop', () => stops.inc()),
      subscribe('dockbox.engine-error', ({ kind }) => failures.inc({ kind })),
    ];
    app.addHook('onResponse', async ({ method, routeOptions, ws }, reply) => {
      if (ws) return;
      // The route and not the address: an address of every kind that anybody makes up would be a series of its own.
      const route = routeOptions.url ?? 'none';
      requests.observe({ method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
    });
    app.addHook('onClose', async () => {
      for (const end of ends) end();
    });
  },
  { name: 'metrics', dependencies: ['db', 'drain', 'nodes', 'websocket'] },
);
