import { type Static, Type } from 'typebox';

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
