import { type Static, Type } from 'typebox';

export const Id = Type.String({ maxLength: 64, description: 'The id or the name of the dockbox' });
export const TERMINAL_RULE = 'at most 32 letters, digits, hyphens and underscores';
export const TERMINAL_PATTERN = '^[A-Za-z0-9_-]{1,32}$';
export const Terminal = Type.String({ pattern: TERMINAL_PATTERN, description: TERMINAL_RULE });

export const TerminalSchema = Type.Object(
  {
    name: Type.String(),
    cols: Type.Integer(),
    rows: Type.Integer(),
    viewers: Type.Integer({ description: 'How many clients are connected' }),
    command: Type.String({ description: 'What runs in it' }),
  },
  { $id: 'Terminal', description: 'A terminal that is held in a dockbox' },
);
export const TerminalRef = Type.Unsafe<Static<typeof TerminalSchema>>(Type.Ref('Terminal'));
