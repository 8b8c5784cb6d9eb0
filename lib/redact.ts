/** What secrets of ours look like, and others' tokens, wherever they stand. */
const SECRETS =
  /\bdb[xst]_[\w-]{8,}|\bbase64url\.bearer\.authorization\.k8s\.io\.[\w=-]+|\beyJ[\w-]{5,}\.[\w=-]+\.[\w=-]*/g;

const REDACTED = '[redacted]';

/** A text, such as a line of a log, without secrets. */
export const redact = (text: string) => text.replace(SECRETS, REDACTED);

/** A request's address for the log: one that a ticket is in says what it is for, and no more. */
export function redactUrl(url: string): string {
  const [path = '', query] = url.split(/\?(.*)/s, 2);
  if (query === undefined || !new URLSearchParams(query).has('ticket')) return url;
  return `${path}?ticket=${REDACTED}`;
}
