import { type DockboxClient, openTerminal, type Terminal } from 'dockbox-client';
import WebSocket from 'ws';
import { CommandError } from '../errors.js';
import { inWords } from '../service.js';

/** What comes before is the prompt and the echo of the line that prints it, in which it is written otherwise. */
const MARK = '\x1edockbox\x1e\n';

/**
 * Runs what the terminal brings as a script, as a shell runs a file: without prompts. To programs in it their output is no
 * terminal, or they would page and colour it.
 */
const RUN_SCRIPT = [
  'exec 3>&1',
  'shell=$(command -v bash || echo sh)',
  'status=$({ { "$shell" /dev/stdin 3>&- 4>&-; echo $? >&4; } 2>&1 | cat >&3; } 4>&1)',
  'exit "$status"',
].join('; ');

/** For any interactive shell. Without an echo; of the characters of control, only the end of input keeps its meaning. */
const BECOME_SCRIPT = `\
 stty -echo -onlcr -isig -ixon -iexten erase undef kill undef 2>/dev/null; printf '\\036dockbox\\036\\n'; \
exec sh -c '${RUN_SCRIPT}'\n`;

/** The most bytes of a line that a terminal takes; it drops the others (termios(3), canonical mode). */
const MAX_LINE_BYTES = 4095;

const NEWLINE = 0x0a;
/** Ctrl-D. */
const END_OF_INPUT = '\x04';
/** Each end of input ends one reader, at most; how often it is told while the shell goes on, in ms. */
const END_AGAIN_MS = 1000;

/** More than a person's longest paste: what waits is held back where it comes from. */
const WAITING_BYTES = 256 * 1024;

/**
 * Runs what is piped in, line by line, in a shell of its own in a box, and prints what that prints.
 * @returns its exit status
 * @throws {CommandError} when it can't be connected to, or is lost
 */
export async function runPiped(client: DockboxClient, box: string): Promise<number> {
  const { isTTY, columns, rows } = process.stdout;
  const terminal = openTerminal(client, {
    ...{ box, terminal: '', WebSocket, maxWaitingBytes: WAITING_BYTES },
    ...(isTTY && { cols: columns, rows }),
  });
  const show = (output: Uint8Array) => {
    if (process.stdout.write(output)) return;
    terminal.pause();
    process.stdout.once('drain', () => terminal.resume());
  };
  const marked = new Promise<void>((resolve) => {
    terminal.on('output', afterMark(show, resolve));
  });
  terminal.write(BECOME_SCRIPT);
  await Promise.race([marked, terminal.ended]);
  // A shell that exits early leaves input that nobody reads.
  await Promise.race([feed(terminal), terminal.ended]);
  const end = await terminal.ended;
  if (end.code === 1000) return end.exitStatus ?? 0;
  throw new CommandError(inWords(end.statusCode, end.reason));
}

/** Passes on output that comes after the mark. */
function afterMark(pass: (output: Uint8Array) => void, onMark: () => void): (output: Uint8Array) => void {
  let before: Buffer | undefined = Buffer.alloc(0);
  return (output) => {
    if (!before) return pass(output);
    // No more than a part of the mark has to be kept.
    before = Buffer.concat([before.subarray(-MARK.length), output]);
    const at = before.indexOf(MARK);
    if (at < 0) return;
    const rest = before.subarray(at + MARK.length);
    before = undefined;
    if (rest.length > 0) pass(rest);
    onMark();
  };
}

/** Types what is piped in, then the end of input until the shell has ended. @throws {CommandError} at too long a line */
async function feed(terminal: Terminal): Promise<void> {
  let line = 1;
  let lineBytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    for (const byte of chunk) {
      lineBytes = byte === NEWLINE ? 0 : lineBytes + 1;
      if (byte === NEWLINE) line += 1;
      if (lineBytes > MAX_LINE_BYTES) {
        throw new CommandError(
          `Line ${line} is longer than the ${MAX_LINE_BYTES} bytes that a terminal takes.`,
        );
      }
    }
    await type(terminal, chunk);
  }
  if (lineBytes > 0) await type(terminal, Buffer.from('\n'));
  const timer = setInterval(() => terminal.write(END_OF_INPUT), END_AGAIN_MS);
  terminal.write(END_OF_INPUT);
  await terminal.ended;
  clearInterval(timer);
}

async function type(terminal: Terminal, keys: Uint8Array): Promise<void> {
  for (let at = 0; at < keys.length; at += WAITING_BYTES) {
    const part = keys.subarray(at, at + WAITING_BYTES);
    while (!terminal.hasEnded && !terminal.write(part)) await terminal.drained();
  }
}
