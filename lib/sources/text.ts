import { errors } from '../errors.js';

const MAX_URL_LENGTH = 2048;

/** Hosts whose addresses people write without a scheme. */
const SHORTHAND = /^(?:www\.)?(?:github|gitlab)\.com\//i;
/** A host name that is no option of a program: WHATWG URL lets `-oProxyCommand=x` pass as one. */
const HOST = /^(?:\[[0-9a-f:.]+\]|[a-z0-9_][a-z0-9_.-]*)$/;

const GETTERS = ['git', 's3'] as const;
type Getter = (typeof GETTERS)[number];

/**
 * The address in a text: an `http:`, `https:` or `s3:` URL without fragment, and the getter that go-getter's `git::` or
 * `s3::` forces.
 * @throws {@link errors.InvalidSource} for anything else, with what to do instead
 */
export function parseAddress(text: string): { getter?: Getter | undefined; url: URL } {
  if (text.length > MAX_URL_LENGTH) throw invalid(`The URL is longer than ${MAX_URL_LENGTH} characters.`);
  if (/[\s\p{Cc}\\]/u.test(text)) {
    throw invalid('The URL has spaces, backslashes or control characters: write them as %20 and the like.');
  }
  if (text.startsWith('-')) throw invalid('The URL begins with "-": give one that begins with "https://".');

  const [, prefix, address = ''] = /^(?:([^/:]*)::)?(.*)$/.exec(text) ?? [];
  const getter = GETTERS.find((known) => known === prefix?.toLowerCase());
  if (prefix !== undefined && !getter) {
    throw invalid(`"${prefix}::" is not supported: give an address that begins with "https://".`);
  }
  const url = toUrl(address);
  if (url.protocol === 's3:' && getter === 'git') throw invalid('A Git repository in S3 is not supported.');
  return { getter: url.protocol === 's3:' ? 's3' : getter, url };
}

function toUrl(address: string): URL {
  const full = SHORTHAND.test(address) ? `https://${address}` : address;
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(full)?.[1]?.toLowerCase();
  const ssh = /^(?:ssh:\/\/)?[^/:@]+@([^/:]+)(?::\d+)?[:/]\/?(.*)$/i.exec(full);
  if (ssh && (scheme === undefined || scheme === 'ssh')) {
    throw invalid(`SSH is not supported, as it needs a key: try "https://${ssh[1]}/${ssh[2]}".`);
  }
  if (scheme === undefined) {
    throw invalid(
      `"${address}" is not a URL: give one that begins with "https://", or "github.com/owner/repository".`,
    );
  }
  if (!['http', 'https', 's3'].includes(scheme)) {
    throw invalid(`"${scheme}://" is not supported: give an address that begins with "https://".`);
  }
  // WHATWG URL would read https:///host as https://host.
  const url = /^[^:]+:\/\/[^/?#]/.test(full) && URL.canParse(full) ? new URL(full) : undefined;
  if (!url || !HOST.test(url.hostname.toLowerCase())) throw invalid('The URL names no valid host.');
  if (url.username || url.password) {
    throw invalid(
      'The URL has a user name or password in it, which would be stored for all to see: take it out, and pass "credentials".',
    );
  }
  url.hash = '';
  return url;
}

const invalid = (message: string) => new errors.InvalidSource(message);
