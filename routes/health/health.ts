import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { failures } from '../../lib/schemas/box.js';

const State = Type.Enum(['ok', 'unavailable']);
const Ready = (description: string) =>
  Type.Object(
    {
      status: Type.Enum(['ok', 'unavailable', 'draining']),
      database: State,
      engine: State,
      egress: Type.Enum(['filtered', 'open', 'unknown'], {
        description: "Whether boxes are kept from private networks and the engine's host",
      }),
      nodes: Type.Optional(
        Type.Object(
          { ready: Type.Integer(), all: Type.Integer() },
          { description: 'Of a fleet: how many nodes boxes may run on, as this server sees it, of how many' },
        ),
      ),
    },
    { description },
  );

/** How long a dependency may take to answer before it counts as unavailable, in ms. */
const CHECK_TIMEOUT_MS = 3000;

const routes: FastifyPluginAsyncTypebox = async (app) => {
  const check = async (probe: Promise<unknown>) => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error('no answer in time')), CHECK_TIMEOUT_MS);
    });
    try {
      await Promise.race([probe, late]);
      return 'ok' as const;
    } catch (err) {
      app.log.warn({ err }, 'not ready');
      return 'unavailable' as const;
    } finally {
      clearTimeout(timer);
    }
  };

  let looking: ReturnType<typeof look> | undefined;
  const look = () =>
    Promise.all([check(app.pg.pool.query('select 1')), check(app.engine.ping())]).finally(() => {
      looking = undefined;
    });
  /** One look for all who ask at the same time: whoever asks without end gets no more of the database and the engine. */
  const lookTogether = () => (looking ??= look());

  app.get(
    '',
    {
      config: { access: 'public' },
      schema: {
        operationId: 'getHealth',
        summary: 'Whether this process lives',
        tags: ['health'],
        response: {
          200: Type.Object({ status: Type.Literal('ok') }, { description: 'It does' }),
          ...failures(400),
        },
      },
      logLevel: 'warn',
    },
    async () => ({ status: 'ok' as const }),
  );

  app.get(
    '/ready',
    {
      config: { access: 'public' },
      schema: {
        operationId: 'getReadiness',
        summary: 'Whether it can serve: its database and its engine answer, and it is not about to go',
        description: 'For the load balancer that decides whether to send anybody here.',
        tags: ['health'],
        response: {
          200: Ready('It can'),
          503: Ready('It can not'),
          400: failures(400)[400],
          500: failures()[500],
        },
      },
      logLevel: 'warn',
    },
    async (_request, reply) => {
      const [database, engine] = await lookTogether();
      const egress = app.egress.state;
      const safe = egress === 'filtered' || app.config.BOX_EGRESS !== 'required';
      const can = database === 'ok' && engine === 'ok' && safe;
      const status = app.drain.active ? 'draining' : can ? 'ok' : 'unavailable';
      const nodes = app.nodes && { ready: app.nodes.ready().length, all: app.nodes.all().length };
      return reply
        .code(status === 'ok' ? 200 : 503)
        .send({ status, database, engine, egress, ...(nodes && { nodes }) });
    },
  );
};

export default routes;
