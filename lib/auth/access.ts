import { errors } from '../errors.js';
import type { Principal } from './principal.js';

/**
 * What a route lets whom do. Each route declares one of these, as its `config.access`; on whose box is another matter,
 * which each look-up of a box settles.
 */
const RULES = {
  /** For anybody: nobody is asked who they are. */
  public: {},
  /** Looks at things. */
  read: { readonly: true },
  /** Changes things. */
  write: {},
  /** Looks at one box. */
  'box:read': { readonly: true, share: true },
  /** Connects to a terminal of a box; who may only look has to ask for no more. */
  'box:connect': { readonly: true, share: true, ticket: true },
  /** Tells a terminal of a box how large its window is. */
  'box:resize': { share: true },
} as const satisfies Record<string, Rule>;

type Rule = {
  /** Whether those may do it who may only look. */
  readonly?: boolean;
  /** Whether a share of the box suffices, or a ticket. */
  share?: boolean;
  ticket?: boolean;
};

export type Access = keyof typeof RULES;

export const isAccess = (text: unknown): text is Access =>
  typeof text === 'string' && Object.hasOwn(RULES, text);

/** @throws {@link errors.Forbidden}, {@link errors.Readonly} when somebody may not do what a route does */
export function authorize({ scope, credential: { kind } }: Principal, access: Access): void {
  const rule: Rule = RULES[access];
  if ((kind === 'ticket' || kind === 'share') && !rule[kind]) {
    throw new errors.Forbidden(`A ${kind} is not good for this: use an API key.`);
  }
  if (scope === 'readonly' && !rule.readonly) {
    throw new errors.Readonly('You may look, but not change anything: use a key of scope "user".');
  }
}

/**
 * Whether somebody may have a terminal as they ask for it.
 * @throws {@link errors.Forbidden}, {@link errors.Readonly}
 */
export function authorizeTerminal(
  { scope, pass }: Principal,
  { terminal, readonly }: { terminal: string; readonly: boolean },
): void {
  if (pass && pass.terminal !== null && pass.terminal !== terminal) {
    throw new errors.Forbidden(`You were let in to the terminal "${pass.terminal}" alone.`);
  }
  if (scope !== 'readonly') return;
  if (!readonly) throw new errors.Readonly('You may watch, but not type: connect with readonly=true.');
  if (terminal === '') throw new errors.Readonly('You may watch, but not start a shell of your own.');
}
