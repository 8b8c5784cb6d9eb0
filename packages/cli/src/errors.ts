/** What keeps a command from doing its work: its message is told in one line, and says what to do. */
export class CommandError extends Error {
  readonly status: number;

  /** @param status the process's exit status */
  constructor(message: string, status = 1) {
    super(message);
    this.status = status;
  }
}

/** A command line that can't be understood. */
export class UsageError extends CommandError {
  constructor(message: string) {
    super(message, 2);
  }
}
