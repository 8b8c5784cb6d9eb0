import { signal } from '@preact/signals';
import { formatLink, parseLink } from 'dockbox-client';

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

function readPlace(): Place {
  const link = parseLink(location.href);
  if (link) {
    const { box, terminal = FIRST_TERMINAL, ticket, readonly = false } = link;
    return { view: 'box', box, terminal, ...(ticket && { share: { ticket, readonly } }) };
  }
  const url = new URLSearchParams(location.search).get('url')?.trim();
  return url ? { view: 'link', url: url.slice(0, 2048) } : { view: 'home' };
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
  const baseUrl = new URL('.', location.href).href;
  if (!box) return baseUrl;
  return formatLink({ baseUrl, box, ...(terminal !== FIRST_TERMINAL && { terminal }), ...share });
}

/** The API key of `#key=…`, which is taken out of the address before anybody sees it there. */
function takeKey(): string | undefined {
  if (!location.hash.startsWith('#key=')) return undefined;
  const key = location.hash.slice('#key='.length);
  history.replaceState(null, '', addressOf());
  return key;
}
