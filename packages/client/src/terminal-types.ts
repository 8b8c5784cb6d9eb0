export type TerminalOptions = {
  /** The box's id or its name. */
  box: string;
  /** The terminal's name; `main` by default. Empty for a shell of its own, which ends with the connection. */
  terminal?: string;
  /** The window's size, 80 by 24 by default; see {@link Terminal.resize}. */
  cols?: number;
  rows?: number;
  /** Watch without typing. */
  readonly?: boolean;
  /** How many lines that have left the screen are given back on connecting; 1000 by default. */
  history?: number;
  /** The same for connecting again; as many by default. */
  historyAgain?: number;
  /** For how long to try to connect again, in ms; 10 minutes by default. A shell of its own can't be come back to. */
  patienceMs?: number;
  /** How many bytes may wait to be sent, also while the connection is away; 1 MiB by default. */
  maxWaitingBytes?: number;
  /** In the place of the platform's, which Node 20 does not have: that of the package `ws`. */
  WebSocket?: unknown;
};

export type TerminalEvents = {
  /** What the terminal shows. The bytes of a character may come in two. */
  output: Uint8Array;
  /** It is connected. `again` is true after a `disconnected`: a held terminal then draws its whole screen. */
  connected: { again: boolean };
  /** The connection broke, and another will be tried in `retryMs`. */
  disconnected: {
    reason: string;
    retryMs: number;
    /** The number of that attempt, from 1. */
    attempt: number;
    /** Bytes that were sent, and may not have arrived; they are not sent again, or they might arrive twice. */
    unconfirmedBytes: number;
  };
  /** Bytes that were typed for a shell that is no more, and so are not sent to the one that took its place. */
  discarded: { bytes: number };
};

/** How a terminal ended for this client. */
export type TerminalEnd = {
  /** The WebSocket's close code: 1000 when the shell exited or {@link Terminal.close} was called, 1006 without one. */
  code: number;
  /** In words for a person. */
  reason: string;
  /** The shell's, when it exited. */
  exitStatus?: number;
  /** The HTTP status with which the service refused to connect. */
  statusCode?: number;
  /** Whether the service answered that there is nothing to connect to, so that to try again is in vain. */
  isFinal: boolean;
  /** Bytes that were typed and never sent, or may not have arrived. */
  undeliveredBytes: number;
};
