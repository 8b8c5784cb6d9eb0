import { Type } from 'typebox';

/** What a credential lets one do, from the least to the most: watch one's own; all with one's own; all with everybody's. */
export const SCOPES = ['readonly', 'user', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** What somebody has shown to be let in. It is good for as long as all that it names is. */
export type Credential = {
  kind: 'key' | 'session' | 'token' | 'ticket' | 'share' | 'none';
  /** Which of its kind, for the log and for whoever revokes it. */
  id: string | null;
  /** The API key behind it, itself or what made it. */
  keyId?: string | null;
  /** The browser's session behind it. */
  sessionId?: string | null;
  shareId?: string | null;
  until?: Date | null;
};

/** What a ticket or a share is for. */
export type Pass = { boxId: string; terminal: string | null; readonly: boolean };

/** Somebody who has been let in. */
export type Principal = {
  owner: string;
  scope: Scope;
  credential: Credential;
  /** All that may be done, when it is less than the owner may. */
  pass?: Pass;
};

/** Whose boxes are those of a service without authentication, and those of its first key: the same person's. */
export const LOCAL_OWNER = 'local';

/** Everybody, where there is no authentication. */
export const LOCAL: Principal = {
  owner: LOCAL_OWNER,
  scope: 'admin',
  credential: { kind: 'none', id: null },
};

/** The service itself, at work for nobody in particular. */
export const SERVICE: Principal = LOCAL;

const NAME = '^[^\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]+$';

/** A name that people give: it is printed in terminals and logs, so that no control character may be in it. */
export const Name = (description: string, maxLength = 64) =>
  Type.String({ minLength: 1, maxLength, pattern: NAME, description });

/** Whether a text can be an owner's: an issuer may call its subjects anything. */
export const isOwner = (text: unknown): text is string =>
  typeof text === 'string' && text.length <= 255 && new RegExp(NAME, 'u').test(text);
