import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Scope } from './scope.js';

const run = promisify(execFile);

/** Between looks at the screen, in ms. */
const POLL_MS = 30;
/** After how long a wait is in vain, in ms: then it is told what is on the screen. */
const PATIENCE_MS = 60_000;

/** A terminal of a person's own, with a shell whose prompt is `local$`: a real one, which tmux emulates. */
export class Pty {
  readonly #socket: string;

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** Types a text as it is. */
  async type(text: string): Promise<void> {
    await this.tmux('send-keys', '-l', text);
  }

  /** Types a line. */
  async enter(line: string): Promise<void> {
    await this.type(line);
    await this.tmux('send-keys', 'Enter');
  }

  async resize(cols: number, rows: number): Promise<void> {
    await this.tmux('resize-window', '-x', String(cols), '-y', String(rows));
  }

  /** The screen's lines. */
  async screen(): Promise<string> {
    return (await this.tmux('capture-pane', '-p')).trimEnd();
  }

  /** Waits until the screen shows what the pattern matches. @returns all of it */
  async shows(pattern: RegExp): Promise<string> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const screen = await this.screen();
      if (pattern.test(screen)) return screen;
      if (Date.now() > deadline) throw new Error(`${pattern} is not on the screen:\n${screen}`);
      await delay(POLL_MS);
    }
  }

  /** What tmux knows of the terminal by the name of a format, such as `mouse_any_flag`. */
  async state(name: string): Promise<string> {
    return (await this.tmux('display-message', '-p', `#{${name}}`)).trim();
  }

  /** The process id of the program that its shell runs. */
  async program(): Promise<number> {
    const shell = await this.state('pane_pid');
    return Number(await readFile(`/proc/${shell}/task/${shell}/children`, 'utf8'));
  }

  async tmux(...args: string[]): Promise<string> {
    const { stdout } = await run('tmux', ['-S', this.#socket, ...args]);
    return stdout;
  }
}

/** Opens a terminal with variables of the environment; the end of the test ends what runs in it. */
export async function openPty(t: Scope, variables: Record<string, string>): Promise<Pty> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'dockbox-pty-'));
  const pty = new Pty(path.join(directory, 'socket'));
  t.teardown(async () => {
    await pty.tmux('kill-server');
    await rm(directory, { recursive: true });
  });
  const settings = {
    ...{ PS1: 'local$ ', LANG: 'C.UTF-8', TERM: 'screen-256color' },
    // Its shell would write it when it is ended, into a directory that goes at the same time.
    HISTFILE: '/dev/null',
  };
  const env = Object.entries({ ...variables, ...settings });
  const words = env.map(([name, value]) => `${name}=${value}`);
  const shell = ['env', '--ignore-environment', ...words, 'bash', '--norc', '--noprofile'];
  await pty.tmux('-f', '/dev/null', '-u', 'new-session', '-d', '-x', '100', '-y', '30', ...shell);
  await pty.shows(/local\$/);
  return pty;
}
