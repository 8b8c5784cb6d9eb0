import { type Static, Type } from 'typebox';
import { Name } from '../auth/principal.js';
import { Nullable } from './box.js';
import { TERMINAL_PATTERN, TERMINAL_RULE } from './terminal.js';

/** For how long a ticket is good when nothing else is said, and at most, in seconds. */
const TICKET_SECONDS = 60;
const MAX_TICKET_SECONDS = 3600;

/** The same of a share. */
const SHARE_SECONDS = 24 * 3600;
const MAX_SHARE_SECONDS = 30 * 24 * 3600;

/** The query parameter that lets its bearer in. */
export const TicketQuery = Type.Optional(
  Type.String({ maxLength: 100, description: 'A ticket or a share, in place of an API key' }),
);

const Seconds = (seconds: number, maximum: number) =>
  Type.Integer({ minimum: 1, maximum, default: seconds, description: 'For how long it is good, in seconds' });
const Only = Type.Optional(
  Type.String({
    pattern: TERMINAL_PATTERN,
    description: `${TERMINAL_RULE}: the only one that it is for; any by default`,
  }),
);
const Readonly = Type.Boolean({ default: false, description: 'Whether its bearer may only watch' });

export const CreateTicketSchema = Type.Object(
  { terminal: Only, readonly: Readonly, expiresIn: Seconds(TICKET_SECONDS, MAX_TICKET_SECONDS) },
  { additionalProperties: false },
);

export const CreateShareSchema = Type.Object(
  {
    name: Type.Optional(Name('at most 64 characters that can be printed, whom it is for')),
    terminal: Only,
    readonly: Readonly,
    expiresIn: Seconds(SHARE_SECONDS, MAX_SHARE_SECONDS),
  },
  { additionalProperties: false },
);

const Time = { format: 'date-time' } as const;

export const TicketBody = Type.Object(
  {
    ticket: Type.String({ description: 'Good for one connection' }),
    url: Type.String({ description: 'Where to connect a WebSocket client' }),
    expiresAt: Type.String(Time),
  },
  { description: 'The ticket' },
);

export const ShareSchema = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    name: Nullable('Whom it is for'),
    terminal: Nullable('The only terminal that it is for; null for any'),
    readonly: Type.Boolean(),
    createdAt: Type.String(Time),
    expiresAt: Type.String(Time),
    lastUsedAt: Type.Union([Type.String(Time), Type.Null()]),
  },
  { $id: 'Share', description: 'What lets whoever has its ticket into a dockbox, until it expires' },
);
export const ShareRef = Type.Unsafe<Static<typeof ShareSchema>>(Type.Ref('Share'));
export const NewShareBody = Type.Object(
  { ...ShareSchema.properties, ticket: TicketBody.properties.ticket, url: TicketBody.properties.url },
  { description: 'The share, with its ticket, which is not told again' },
);
