import type { WebSocket } from 'ws';
import { framingOf } from './framing.js';

/** WebSocket close codes (RFC 6455 section 7.4.1, and IANA's registry for 1012 and 1013). */
export const CLOSE = {
  normal: 1000,
  goingAway: 1001,
  policy: 1008,
  serverError: 1011,
  serviceRestart: 1012,
  tryAgainLater: 1013,
} as const;

/** How a terminal ends for its client. */
export type Ending = {
  code: number;
  reason: string;
  /** The shell's, when it has one. */
  exitCode?: number | undefined;
};

/** RFC 6455 section 5.5: a control frame holds 125 bytes, of which a close frame's code takes two. */
const MAX_REASON_BYTES = 123;

/**
 * Closes a client's connection. Unless its shell has just exited, a person is told why in the terminal too: most clients
 * don't show a close frame's reason.
 */
export function close(socket: WebSocket, { code, reason, exitCode }: Ending): void {
  if (socket.readyState !== socket.OPEN) return;
  // The client's own close frame has to be read.
  socket.resume();
  const framing = framingOf(socket);
  if (code !== CLOSE.normal) socket.send(framing.output(notice(`\r\n${reason}`)));
  const status = framing.end(exitCode, reason);
  if (status) socket.send(status);
  const cut = Buffer.from(reason)
    .subarray(0, MAX_REASON_BYTES)
    .toString()
    .replace(/\ufffd+$/, '');
  socket.close(code, cut);
}

/** A line of ours for a person at a terminal, in yellow. */
export const notice = (text: string) => Buffer.from(`\x1b[33m${text}\x1b[0m\r\n`);
