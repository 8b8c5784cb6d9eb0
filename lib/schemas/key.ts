import { type Static, Type } from 'typebox';
import { Name, SCOPES } from '../auth/principal.js';
import { Nullable } from './box.js';

/** The longest that a key with an end may be good for, in seconds. */
const MAX_SECONDS = 10 * 365 * 24 * 3600;

const Scope = Type.Enum([...SCOPES]);
const Time = (description: string) =>
  Type.Union([Type.String({ format: 'date-time' }), Type.Null()], { description });

export const CreateKeySchema = Type.Object(
  {
    name: Name('at most 64 characters that can be printed, what the key is for'),
    owner: Type.Optional(
      Name('at most 255 characters that can be printed, whose it is: your own by default', 255),
    ),
    scope: Type.Optional(Scope),
    expiresIn: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MAX_SECONDS,
        description: 'Seconds; it is good for ever by default',
      }),
    ),
  },
  { additionalProperties: false },
);

export const KeySchema = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    name: Type.String(),
    owner: Type.String({ description: 'Whose dockboxes it is for' }),
    scope: Scope,
    createdAt: Type.String({ format: 'date-time' }),
    expiresAt: Time('When it ends; null for never'),
    lastUsedAt: Time('To the minute; null for never'),
    revokedAt: Nullable('When it was revoked'),
  },
  { $id: 'Key', description: 'An API key, without its secret' },
);
export const KeyRef = Type.Unsafe<Static<typeof KeySchema>>(Type.Ref('Key'));
