import { type Static, Type } from 'typebox';
import { NAME_PATTERN, NAME_RULE } from '../boxes/name.js';

export const Nullable = (description: string) => Type.Union([Type.String(), Type.Null()], { description });

/** One line of text, as a header can hold it. */
const Secret = (description: string) =>
  Type.Optional(Type.String({ pattern: '^[^\\x00-\\x1f\\x7f]{1,4096}$', description }));

/** What a request to create a box holds. */
export const CreateBoxSchema = Type.Object(
  {
    url: Type.String({
      minLength: 1,
      maxLength: 2048,
      description: 'Where the source is: a git repository or an archive',
    }),
    ref: Type.Optional(Type.String({ minLength: 1, maxLength: 255, description: 'Branch, tag or commit' })),
    directory: Type.Optional(
      Type.String({ maxLength: 1024, description: 'Where in the source the terminal starts' }),
    ),
    image: Type.Optional(Type.String({ minLength: 1, maxLength: 255, description: 'The image to use' })),
    name: Type.Optional(Type.String({ pattern: NAME_PATTERN, description: NAME_RULE })),
    credentials: Type.Optional(
      Type.Object(
        {
          token: Secret('one line of text'),
          username: Type.Optional(
            Type.String({
              pattern: '^[^\\x00-\\x1f\\x7f:]{1,256}$',
              description: 'one line of text without a colon',
            }),
          ),
          password: Secret('one line of text'),
        },
        {
          additionalProperties: false,
          description:
            'Of a private source: a token, or a username and a password. Used for the fetch, and kept nowhere',
        },
      ),
    ),
  },
  { additionalProperties: false },
);

export const BoxSchema = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    name: Type.String(),
    owner: Type.Optional(Type.String({ description: 'Whose it is' })),
    url: Type.String(),
    ref: Nullable('Branch, tag or commit'),
    directory: Nullable('Where the terminal starts, below the workspace'),
    image: Nullable('The image that it runs; null while that is not known'),
    status: Type.Enum(['creating', 'ready', 'failed']),
    running: Type.Boolean({ description: 'Whether its container runs' }),
    connections: Type.Integer({ description: 'How many clients are connected' }),
    stopsAt: Type.Union([Type.String({ format: 'date-time' }), Type.Null()], {
      description:
        'When it is stopped unless somebody connects; null while somebody is connected, or it does not run',
    }),
    warnings: Type.Array(Type.String()),
    error: Type.Optional(Type.String({ description: 'Why it failed' })),
    createdAt: Type.String({ format: 'date-time' }),
    lastModified: Type.String({ format: 'date-time' }),
  },
  { $id: 'Box', description: 'An environment made from a source' },
);
export type BoxBody = Static<typeof BoxSchema>;
export const BoxRef = Type.Unsafe<BoxBody>(Type.Ref('Box'));

export const ErrorSchema = Type.Object(
  {
    statusCode: Type.Integer(),
    code: Type.String({ description: 'Stable, for programs' }),
    error: Type.String(),
    message: Type.String({ description: 'What is wrong, and what to do' }),
  },
  { $id: 'Error', description: 'Why a request failed' },
);

/** Response schemas for the errors that an operation may answer with. */
export function failures(...statuses: number[]) {
  const error = (description: string) =>
    Type.Unsafe<Static<typeof ErrorSchema>>({ ...Type.Ref('Error'), description });
  const descriptions: Record<number, string> = {
    400: 'The request is unusable',
    401: 'It is not known who asks',
    403: 'Not allowed',
    404: 'There is no such dockbox',
    409: 'Not possible in the state that it is in',
    422: 'The source or the image can not be had',
    426: 'Connect with a WebSocket',
    429: 'Too many at once',
    500: 'A fault of the server',
    503: 'The server or its engine is not available',
  };
  return Object.fromEntries(
    [...statuses, 500].map((status) => [status, error(descriptions[status] ?? 'Error')]),
  ) as Record<400 | 401 | 403 | 404 | 409 | 422 | 426 | 429 | 500 | 503, ReturnType<typeof error>>;
}
