import { signal } from '@preact/signals';

/** What the page's address says to show. */
export type Place =
  | { view: 'home' }
  /** Somebody else's link, `?url=…`: it may be looked at, and makes nothing. */
  | { view: 'link'; url: string }
  | { view: 'box'; box: string; terminal: string; share?: Share };

/** What a link has in it that lets somebody into one terminal. */
export type Share = { ticket: string; readonly: boolean };

const FIRST_TERMINAL = 'main';

/** The API key that the address had, until it is used. Taken out first: nothing else is to see it. */
export const offeredKey = signal(takeKey());

export const place = signal<Place>(readPlace());

addEventListener('hashchange', () => {
  offeredKey.value = takeKey() ?? offeredKey.value;
  place.value = readPlace();
});

/** `#/<box>/<terminal>?ticket=…&readonly`: what comes after the # is never sent to a server, and so is in none of its logs. */
function readPlace(): Place {
  const [path = '', query] = location.hash.replace(/^#/, '').split('?', 2);
  const [, box, terminal] = path.split('/').map(decode);
  const options = new URLSearchParams(query);
  const ticket = options.get('ticket');
  const share = ticket ? { ticket, readonly: options.has('readonly') } : undefined;
  if (box) return { view: 'box', box, terminal: terminal || FIRST_TERMINAL, ...(share && { share }) };
  const url = new URLSearchParams(location.search).get('url')?.trim();
  return url ? { view: 'link', url: url.slice(0, 2048) } : { view: 'home' };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

/** Goes to a box, or to the list of them. `replace` leaves no way back to where one is. */
export function go(
  box?: string,
  { terminal, replace = false }: { terminal?: string; replace?: boolean } = {},
): void {
  const address = addressOf(box, terminal);
  if (replace) history.replaceState(null, '', address);
  else history.pushState(null, '', address);
  place.value = readPlace();
}

/** The address of a box's terminal in this page; with a share, for somebody else. */
export function addressOf(box?: string, terminal = FIRST_TERMINAL, share?: Share): string {
  const base = new URL('.', location.href).href;
  if (!box) return base;
  const path = terminal === FIRST_TERMINAL ? '' : `/${encodeURIComponent(terminal)}`;
  const query = share ? `?ticket=${share.ticket}${share.readonly ? '&readonly' : ''}` : '';
  return `${base}#/${encodeURIComponent(box)}${path}${query}`;
}

/** The API key of `#key=…`, which is taken out of the address before anybody sees it there. */
function takeKey(): string | undefined {
  if (!location.hash.startsWith('#key=')) return undefined;
  const key = location.hash.slice('#key='.length);
  history.replaceState(null, '', addressOf());
  return key;
}
