import { statusOf } from '../docker.js';
import type { Engine } from '../engines/engine.js';
import { errors } from '../errors.js';
import { tmuxCommand } from './commands.js';
import { runInBox } from './run.js';

/** A terminal that is held in a box. */
export type HeldTerminal = {
  name: string;
  cols: number;
  rows: number;
  /** How many clients are connected to it. */
  viewers: number;
  /** The name of the program that runs in it. */
  command: string;
};

const FIELDS = ['session_name', 'window_width', 'window_height', 'session_attached', 'pane_current_command'];
const FORMAT = FIELDS.map((field) => `#{${field}}`).join('\t');

/** The terminals that are held in a box; none in one that does not run. */
export async function listTerminals(engine: Engine, boxId: string): Promise<HeldTerminal[]> {
  const { status, output } = await tmux(engine, boxId, 'list-sessions', '-F', FORMAT);
  if (status !== 0) return [];
  return output.trimEnd().split('\n').map(parseTerminal);
}

/**
 * Ends a held terminal with what runs in it; its clients' connections are closed.
 * @throws {@link errors.TerminalNotFound}
 */
export async function endTerminal(engine: Engine, boxId: string, name: string): Promise<void> {
  const { status } = await tmux(engine, boxId, 'kill-session', '-t', `=${name}`);
  if (status !== 0) throw new errors.TerminalNotFound(name);
}

function parseTerminal(line: string): HeldTerminal {
  const [name = '', cols, rows, viewers, ...command] = line.split('\t');
  return {
    name,
    cols: Number(cols),
    rows: Number(rows),
    viewers: Number(viewers),
    // A program may give itself any name.
    command: command.join(' ').replace(/\p{Cc}/gu, ''),
  };
}

async function tmux(engine: Engine, boxId: string, ...args: string[]) {
  const place = await engine.place(boxId);
  if (!place) return { status: null, output: '' };
  try {
    return await runInBox(place, tmuxCommand(...args));
  } catch (error) {
    // There is no container, or it does not run.
    if (statusOf(error) === 404 || statusOf(error) === 409) return { status: null, output: '' };
    throw error;
  }
}
