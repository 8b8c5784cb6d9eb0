import fastifyCookie from '@fastify/cookie';
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { type Access, authorize, isAccess } from '../lib/auth/access.js';
import { Authenticator, type Presented } from '../lib/auth/authenticator.js';
import { fromAuthorization, fromProtocols, fromQuery } from '../lib/auth/credentials.js';
import { type Attached, Origins } from '../lib/auth/origins.js';
import type { Principal } from '../lib/auth/principal.js';
import { SESSION_COOKIE } from '../lib/auth/sessions.js';

type Route = { method: string; url: string; access: Access };

declare module 'fastify' {
  interface FastifyInstance {
    auth: Authenticator;
    /** Every route, and what it lets whom do. */
    routeList: Route[];
  }
  interface FastifyRequest {
    /** Who sent it, except for a route that is public. */
    principal: Principal;
  }
  interface FastifyContextConfig {
    /** Who may use the route. There is no default: a service with a route that does not say so does not start. */
    access?: Access;
  }
}

/** Finds out who sends each request, before anything else of it is looked at, and refuses what they may not do. */
export default fp(
  async (app) => {
    const auth = new Authenticator(app.config, app.pg.pool);
    const origins = new Origins(app.config.CORS_ORIGINS);
    app.decorate('auth', auth);
    app.decorate('routeList', []);
    app.decorateRequest('principal', null as unknown as Principal);
    await app.register(fastifyCookie);

    app.addHook('onRequest', async (request) => {
      if (request.is404) return;
      try {
        await admit(request);
      } catch (error) {
        const { code, statusCode } = error as { code?: string; statusCode?: number };
        if (statusCode === 401 || statusCode === 403) request.audit('refused', { code });
        throw error;
      }
    });

    async function admit(request: FastifyRequest): Promise<void> {
      const { access } = request.routeOptions.config;
      if (!access) throw new Error('A route does not declare its access.');
      const sender = senderOf(request);
      if (access === 'public') return origins.check(sender, 'none');
      const none = auth.mode === 'none';
      if (none) origins.checkHost(sender);
      const presented = none ? { bearer: fromQuery(request.query) } : presentedBy(request);
      origins.check(sender, none ? 'none' : attachedIn(presented));
      request.principal = await auth.authenticate(presented);
      authorize(request.principal, access);
    }

    const routes: { method: string | string[]; url: string; config?: { access?: Access } }[] = [];
    app.addHook('onRoute', (route) => {
      routes.push(route);
    });
    // Only now: a plugin may declare what the routes of others are for that it brings.
    app.addHook('onReady', async () => {
      for (const { method, url, config } of routes) {
        const access = config?.access;
        if (!isAccess(access)) throw new Error(`The route ${method} ${url} does not declare its access.`);
        for (const name of [method].flat()) app.routeList.push({ method: name, url, access });
      }
    });
  },
  { name: 'auth', dependencies: ['env', 'db', 'cors', 'websocket', 'audit', 'limits'] },
);

/** What a sender gave wins over what their browser adds, and the most particular over the rest. */
function presentedBy({ headers, query, ws, cookies }: FastifyRequest): Presented {
  const { authorization, 'sec-websocket-protocol': protocols, 'x-amzn-oidc-data': alb } = headers;
  const given =
    authorization === undefined
      ? (ws && fromProtocols(protocols)) || undefined
      : fromAuthorization(authorization);
  return {
    bearer: given ?? fromQuery(query),
    alb: typeof alb === 'string' ? alb : undefined,
    cookie: cookies[SESSION_COOKIE],
  };
}

function attachedIn({ bearer, alb, cookie }: Presented): Attached {
  if (bearer !== undefined) return 'given';
  return alb === undefined && cookie === undefined ? 'none' : 'browser';
}

function senderOf({ method, ws, headers, host, hostname, protocol }: FastifyRequest) {
  const { origin, 'sec-fetch-site': fetchSite } = headers;
  return {
    ...{ method, upgrade: ws, origin, host, hostname, protocol },
    fetchSite: typeof fetchSite === 'string' ? fetchSite : undefined,
  };
}
