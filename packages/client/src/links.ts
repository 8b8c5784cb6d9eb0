/** What a link to a terminal leads to. */
export type TerminalLink = {
  /** The service's address. */
  baseUrl: string;
  /** A box's id or name. */
  box: string;
  /** The terminal's name; that which clients connect to by themselves unless given. */
  terminal?: string | undefined;
  /** Lets its bearer in: of a share. */
  ticket?: string | undefined;
  /** Whether one may only watch. */
  readonly?: boolean | undefined;
};

/**
 * A link that opens a terminal in the service's page: `<service>/#/<box>/<terminal>?ticket=…&readonly`. What comes after the # is
 * never sent to a server, and so is in none of its logs.
 */
export function formatLink({ baseUrl, box, terminal, ticket, readonly }: TerminalLink): string {
  const path = [box, ...(terminal === undefined ? [] : [terminal])].map(encodeURIComponent).join('/');
  const query =
    ticket === undefined ? '' : `?ticket=${encodeURIComponent(ticket)}${readonly ? '&readonly' : ''}`;
  return `${baseUrl.replace(/\/+$/, '')}/#/${path}${query}`;
}

/** What a link leads to; undefined when it is none. */
export function parseLink(link: string): TerminalLink | undefined {
  const url = URL.canParse(link) ? new URL(link) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') return undefined;
  const [path = '', query] = url.hash.replace(/^#/, '').split('?', 2);
  const [, box, terminal] = path.split('/').map(decode);
  if (!box) return undefined;
  const options = new URLSearchParams(query);
  const ticket = options.get('ticket');
  return {
    baseUrl: (url.origin + url.pathname).replace(/\/+$/, ''),
    box,
    ...(terminal && { terminal }),
    ...(ticket && { ticket, readonly: options.has('readonly') }),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}
