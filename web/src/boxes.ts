import { computed, effect, signal } from '@preact/signals';
import type { Box } from 'dockbox-client';
import { service, unwrap, wordsOf } from './api.js';
import { heedSignOut, session } from './session.js';

/** How often the list is asked for while it is looked at, in ms, and how many boxes a page of it has. */
const POLL_MS = 4000;
const PAGE = 50;

/** One's boxes, the newest first; undefined until they are known. */
export const boxes = signal<Box[] | undefined>(undefined);
export const hasMore = signal(false);
/** Why the list is not what it should be. */
export const listProblem = signal('');

/** How many boxes are asked for. */
const wanted = signal(PAGE);
let latest = 0;

/** Asks for the list anew. */
export async function refresh(): Promise<void> {
  latest += 1;
  const asked = latest;
  try {
    const items: Box[] = [];
    let cursor: string | undefined;
    do {
      const query = { limit: PAGE, ...(cursor && { cursor }) };
      const page = await unwrap(service.GET('/v1/dockbox', { params: { query } }));
      items.push(...page.items);
      cursor = page.nextCursor ?? undefined;
    } while (cursor && items.length < wanted.value);
    // A slow answer must not undo a later one.
    if (asked !== latest) return;
    boxes.value = items;
    hasMore.value = cursor !== undefined;
    listProblem.value = '';
  } catch (error) {
    heedSignOut(error);
    if (asked === latest) listProblem.value = wordsOf(error);
  }
}

export async function showMore(): Promise<void> {
  wanted.value += PAGE;
  await refresh();
}

/** The box of a name or an id, as the list has it. */
export const boxOf = (nameOrId: string) =>
  computed(() => boxes.value?.find(({ id, name }) => id === nameOrId || name === nameOrId));

export type NewBox = {
  url: string;
  ref?: string;
  directory?: string;
  name?: string;
  image?: string;
  credentials?: { token: string };
};

/** Makes a box, and does not wait until it is ready: its terminal shows how it goes. @throws {DockboxError} */
export async function create(body: NewBox): Promise<Box> {
  const box = await unwrap(service.POST('/v1/dockbox', { body, headers: { prefer: 'wait=0' } }));
  await refresh();
  return box;
}

/** Makes a box of the same source as one that could not be made, and takes that away. @throws {DockboxError} */
export async function createAgain({ id, url, ref, directory, image }: Box): Promise<Box> {
  const box = await create({
    url,
    ...(ref !== null && { ref }),
    ...(directory !== null && { directory }),
    ...(image !== null && { image }),
  });
  await remove(id);
  return box;
}

/** One's own newest box of a source, written in whichever way. @throws {DockboxError} when that is no source */
export async function boxOfSource(url: string): Promise<Box | undefined> {
  const query = { url, limit: 100 };
  const { items } = await unwrap(service.GET('/v1/dockbox', { params: { query } }));
  // Who administers the service sees everybody's.
  const { value: who } = session;
  return items.find(({ owner }) => who.state === 'in' && owner === who.owner);
}

/** @throws {DockboxError} */
export async function stop(id: string): Promise<void> {
  await unwrap(service.POST('/v1/dockbox/{id}/stop', { params: { path: { id } } }));
  await refresh();
}

/** @throws {DockboxError} */
export async function remove(id: string): Promise<void> {
  await unwrap(service.DELETE('/v1/dockbox/{id}', { params: { path: { id } } }));
  await refresh();
}

effect(() => {
  if (session.value.state !== 'in') {
    boxes.value = undefined;
    return;
  }
  void refresh();
});

setInterval(() => {
  if (session.value.state === 'in' && !document.hidden) void refresh();
}, POLL_MS);
document.addEventListener('visibilitychange', () => {
  if (session.value.state === 'in' && !document.hidden) void refresh();
});
