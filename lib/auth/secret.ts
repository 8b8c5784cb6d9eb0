import { createHash, randomBytes } from 'node:crypto';

/** What secrets begin with, by what they are: people, and programs that look for leaked ones, know them by it. */
export const PREFIX = { key: 'dbx_', session: 'dbs_', ticket: 'dbt_' } as const;

/** @returns a secret that can't be guessed, of 256 random bits */
export function makeSecret(kind: keyof typeof PREFIX): string {
  return PREFIX[kind] + randomBytes(32).toString('base64url');
}

/**
 * What of a secret is stored, and looked up. How long a look-up takes tells something about the hash of what was tried,
 * which is of no use without a text that has it.
 */
export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
