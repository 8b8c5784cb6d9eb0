import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Test } from 'tap';

/** A program in a process of its own, and what it has printed. */
export class Program {
  readonly child: ChildProcess;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  #output = '';

  constructor(child: ChildProcess) {
    this.child = child;
    this.ended = once(child, 'close').then(([code, signal]) => code ?? signal);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
        child.emit('printed');
      });
    }
  }

  /** All that it has printed, on both streams. */
  get output(): string {
    return this.#output;
  }

  /** Waits until it has printed what the pattern matches. @returns the match */
  async prints(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#output);
      if (match) return match;
      const more = once(this.child, 'printed').then(() => true);
      if (!(await Promise.race([more, this.ended.then(() => false)]))) {
        throw new Error(`The program ended with ${await this.ended} after it had printed: ${this.#output}`);
      }
    }
  }

  /** Sends it a signal and waits for its end. @returns its exit code, or the signal that ended it */
  end(signal: NodeJS.Signals): Promise<number | string> {
    this.child.kill(signal);
    return this.ended;
  }
}

/** Runs a program; the end of the test kills it. */
export function runProgram(
  t: Test,
  [command = '', ...args]: string[],
  env: NodeJS.ProcessEnv = process.env,
): Program {
  const program = new Program(spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] }));
  t.teardown(() => program.end('SIGKILL'));
  return program;
}
