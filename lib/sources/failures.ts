import { KILLED } from '../docker.js';
import { errors } from '../errors.js';
import { OUT_OF_MEMORY } from './container.js';

type Facts = {
  maxBytes: number;
  maxFiles: number;
  timeoutSeconds: number;
  directory?: string | undefined;
  ref?: string;
};

/** What the scripts' statuses mean to the user. `said` is the last that the failed tool said. */
export const FAILURES: Record<number, (facts: Facts, said: string) => string> = {
  20: ({ maxBytes }) => `The source is larger than ${maxBytes} bytes, the most that this server accepts.`,
  21: ({ maxFiles }) => `The source has more than ${maxFiles} files, the most that this server accepts.`,
  22: ({ timeoutSeconds }) => `The source could not be fetched within ${timeoutSeconds} seconds.`,
  23: ({ directory }) => `There is no directory "${directory}" in the source.`,
  30: (_facts, said) => `The repository could not be fetched: ${said}`,
  31: ({ ref }) => `There is no commit "${ref}" in the repository.`,
  40: (_facts, said) => `The source is no archive of its kind, or a damaged one${said && ` (${said})`}.`,
  41: () => 'The archive has absolute names, or names with "..", which would lead out of the workspace.',
  42: () => 'The archive is empty.',
  43: () => 'The archive is encrypted: that is not supported.',
  [KILLED]: () => 'The fetch was ended from outside: try again.',
  [OUT_OF_MEMORY]: () => 'The fetch was stopped: the source needs more memory than this server allows.',
  // SIGXFSZ: a single file as large as all may be.
  153: ({ maxBytes }) => `The source is larger than ${maxBytes} bytes, the most that this server accepts.`,
};

export function failure(status: number, facts: Facts, said: string): Error {
  const message =
    FAILURES[status]?.(facts, said) ?? `The source could not be fetched: ${said || `status ${status}`}`;
  return new errors.SourceUnavailable(message);
}
