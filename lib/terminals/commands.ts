import { TOOLS_PATH } from '../tools.js';
import { HANG_UP, START_SHELL } from './scripts.js';

export type Size = { cols: number; rows: number };

/** What a client asks for of a terminal. */
export type Wish = {
  /** The terminal's name; empty for a shell that ends with its connection. */
  terminal: string;
  /** The directory below the workspace to begin in. */
  directory: string | null;
  size: Size;
  /** How many lines that are no longer on the screen are given back by a held terminal. */
  history: number;
  /** Whether it only watches. */
  readonly: boolean;
  /** What to tell a person when the shell begins. */
  notice: string;
};

const SH = `${TOOLS_PATH}/bin/sh`;
const BUSYBOX = `${TOOLS_PATH}/bin/busybox`;

/**
 * The command that connects a TTY to a shell. What a user chose reaches it as arguments, never as a part of a script's
 * text. A box without tools, whose base image has none, has plain shells alone.
 */
export function shellCommand(wish: Wish, tools: boolean): string[] {
  const { terminal, directory, readonly, history, notice } = wish;
  const place = directory ? `/workspace/${directory}` : '/workspace';
  const size = [String(wish.size.cols), String(wish.size.rows)];
  if (!tools) return ['sh', '-c', START_SHELL, 'sh', place, ...size, notice];
  if (!terminal) return [`${TOOLS_PATH}/bin/plain`, place, ...size, notice];
  const flags = readonly ? 'read-only,ignore-size' : '';
  return [`${TOOLS_PATH}/bin/hold`, terminal, place, ...size, String(history), flags, notice, 'parts'];
}

/** The process that a TTY was made for: its id, and when it began, in ticks since the machine was started. */
export type Leader = { pid: string; began: string };

/** The command that ends what a shell's TTY has. */
export function hangUpCommand({ pid, began }: Leader, tools: boolean): string[] {
  return [tools ? SH : 'sh', '-c', HANG_UP, 'sh', pid, began];
}

/** A command of the tmux that holds a box's terminals. */
export const tmuxCommand = (...args: string[]) => [`${TOOLS_PATH}/bin/tmux.sh`, ...args];

/**
 * What a client's tmux takes for its leave, after all that was typed before: characters that Unicode will never give a meaning,
 * and nobody can type. images/base/tools/etc/tmux.conf names them, too.
 */
export const LEAVE_KEYS = '\u{10fffe}\u{10ffff}\u{10fffe}';

/** The command that prints the exit status of the shell that a held terminal had. */
export const statusCommand = (terminal: string) => [BUSYBOX, 'cat', `/run/dockbox/${terminal}.status`];
