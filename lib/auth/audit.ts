import type { Log } from '../log.js';
import type { Principal } from './principal.js';

/** What is written down of who did what. */
export type AuditEvent =
  | 'refused'
  | 'create'
  | 'delete'
  | 'stop'
  | 'connect'
  | 'disconnect'
  | 'end-terminal'
  | 'make-key'
  | 'revoke-key'
  | 'make-ticket'
  | 'make-share'
  | 'use-ticket'
  | 'use-share'
  | 'revoke-share'
  | 'sign-in'
  | 'sign-out';

/** What else is known of an event, under names that are the same for all. */
export type AuditFacts = {
  /** The id of the box that it was done to. */
  box?: string;
  /** The id of the key, the ticket or the share that it was done to. */
  subject?: string;
  terminal?: string;
  /** Why it was refused, or failed: the error's code. */
  code?: string | undefined;
};

/** Writes a line of the audit log: who did what, to what, from where. Never with a secret in it. */
export function audit(
  log: Log,
  event: AuditEvent,
  { who, from, ...facts }: AuditFacts & { who: Principal | null; from: string },
): void {
  const { kind, id, keyId = null } = who?.credential ?? {};
  const sender = who && { owner: who.owner, kind, id, key: keyId };
  log.info({ audit: { event, who: sender, from, ...facts } }, `audit: ${event}`);
}
