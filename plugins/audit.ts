import fp from 'fastify-plugin';
import { type AuditEvent, type AuditFacts, audit } from '../lib/auth/audit.js';
import type { Principal } from '../lib/auth/principal.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Writes down what its sender has done. @param who when that was not known from the start */
    audit(event: AuditEvent, facts?: AuditFacts & { who?: Principal }): void;
  }
}

/** The audit log, as `request.audit`. */
export default fp(
  async (app) => {
    app.decorateRequest('audit', function (event, facts = {}) {
      audit(this.log, event, { who: this.principal, from: this.ip, ...facts });
    });
  },
  { name: 'audit' },
);
