import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { CommandError } from './errors.js';

/** Asks a person for what nobody should see. @throws {CommandError} when they don't want to */
export async function readSecret(question: string): Promise<string> {
  process.stderr.write(question);
  // What readline would show is what is typed.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  const interrupted = new Promise<never>((_resolve, reject) => {
    lines.on('SIGINT', () => reject(new CommandError('Interrupted.', 130)));
    lines.on('close', () => reject(new CommandError('Nothing was typed.')));
  });
  try {
    return await Promise.race([lines.question(''), interrupted]);
  } finally {
    interrupted.catch(() => {});
    lines.close();
    process.stderr.write('\n');
  }
}
