import { isIP } from 'node:net';
import { errors } from '../errors.js';

/** What of a request tells which page sent it, if any did. */
export type Sender = {
  method: string;
  /** Whether it opens a WebSocket, which no browser asks about first. */
  upgrade: boolean;
  origin: string | undefined;
  /** `Sec-Fetch-Site` (https://www.w3.org/TR/fetch-metadata/). */
  fetchSite: string | undefined;
  /** What it was sent to, with its port, and without. */
  host: string;
  hostname: string;
  /** What it was sent by, as far as that is known: a proxy may have taken TLS off. */
  protocol: string;
};

/**
 * How a request says who sends it: it was `given` a credential; the `browser` added one unasked, such as a cookie; or
 * `none` is needed.
 */
export type Attached = 'given' | 'browser' | 'none';

/** The origins (RFC 6454) whose pages may act for whoever looks at them: this service's own, and those of CORS_ORIGINS. */
export class Origins {
  readonly #listed: string[];

  /** @param list CORS_ORIGINS */
  constructor(list: string) {
    this.#listed = parseOrigins(list);
  }

  /**
   * Asserts that a request that changes something, or opens a terminal, does not come from a page that has no business
   * here, with the powers of whoever looks at it.
   * @throws {@link errors.CrossOrigin}
   */
  check(sender: Sender, attached: Attached): void {
    const { method, upgrade, origin, fetchSite } = sender;
    if (!upgrade && (['GET', 'HEAD', 'OPTIONS'].includes(method) || attached === 'given')) return;
    if (origin !== undefined) {
      // Any page may do what it has a credential for, and no page what it has none for.
      if (this.#isOwn(sender, origin) || this.#listed.includes(origin)) return;
      if (attached === 'given' && this.#listed.includes('*')) return;
      throw new errors.CrossOrigin(
        `Pages of ${origin.slice(0, 200)} may not do this: list it in CORS_ORIGINS.`,
      );
    }
    if (upgrade || attached !== 'browser' || fetchSite === 'same-origin') return;
    throw new errors.CrossOrigin('A browser that is signed in must say which page asks: send Origin.');
  }

  /**
   * Asserts that a request was sent to an address, where everybody who reaches it is let in: a page could have its own
   * host's name lead here (DNS rebinding), and would be of the same origin then.
   * @throws {@link errors.CrossOrigin}
   */
  checkHost({ host, hostname }: Sender): void {
    if (hostname === 'localhost' || isIP(hostname.replace(/^\[|\]$/g, ''))) return;
    if (this.#listed.some((origin) => URL.canParse(origin) && new URL(origin).host === host)) return;
    throw new errors.CrossOrigin(
      `Without authentication, only localhost and IP addresses are answered: list https://${host.slice(0, 200)} in CORS_ORIGINS.`,
    );
  }

  #isOwn({ host, protocol }: Sender, origin: string): boolean {
    if (!URL.canParse(origin)) return false;
    const { protocol: scheme, host: theirs } = new URL(origin);
    if (scheme !== 'https:' && (scheme !== 'http:' || protocol === 'https')) return false;
    // Either may leave out the scheme's own port.
    const own = `${scheme}//${host}`;
    return URL.canParse(own) && new URL(own).host === theirs;
  }
}

/** What CORS_ORIGINS lists. */
export function parseOrigins(list: string): string[] {
  return list
    .split(',')
    .map((origin) => origin.trim())
    .filter(Boolean);
}
