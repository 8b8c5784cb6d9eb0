import { computed, effect, signal, untracked } from '@preact/signals';
import { go, type Place, place } from './address.js';
import { clientFor, DockboxError, service, unwrap } from './api.js';
import { heedSignOut, mayChange } from './session.js';
import { Pane } from './terminal/pane.js';

/** Shells: what ends with one is nobody's work. */
const SHELLS = new Set(['', 'ash', 'bash', 'busybox', 'dash', 'fish', 'sh', 'zsh']);

type BoxPlace = Extract<Place, { view: 'box' }>;

/** The terminals of the box that is looked at. They are connected as long as that is. */
export const tabs = signal<Pane[]>([]);
/** The one that is seen. */
export const active = computed(() =>
  place.value.view === 'box' ? tabs.value.find(({ name }) => name === nameAt(place.value)) : undefined,
);

const nameAt = (at: Place) => (at.view === 'box' ? at.terminal : undefined);

/** Which box the tabs are of, and as whom. */
let shown = '';

/** Sees to it that the tabs are those of the place where one is; false leaves every box. */
export function showTabs(isAllowed: boolean): void {
  const at = place.value;
  const wanted = isAllowed && at.view === 'box' ? `${at.box}?${at.share?.ticket ?? ''}` : '';
  untracked(() => {
    if (wanted !== shown) {
      for (const pane of tabs.value) pane.dispose();
      tabs.value = [];
      shown = wanted;
      if (at.view === 'box' && wanted && !at.share) void addHeld();
    }
    if (at.view === 'box' && wanted && !active.value) addPane(at, at.terminal);
  });
}

function addPane({ box, share }: BoxPlace, name: string): void {
  const client = share ? clientFor(share.ticket) : service;
  const readonly = share ? share.readonly : !mayChange.value;
  const pane = new Pane({ client, box, name, readonly });
  tabs.value = [...tabs.value, pane].sort(byName);
}

/** `main` comes first. */
function byName({ name: a }: Pane, { name: b }: Pane): number {
  if (a === 'main' || b === 'main') return Number(b === 'main') - Number(a === 'main');
  return a.localeCompare(b, 'en', { numeric: true });
}

/** Adds tabs for the terminals that are held in the box and have none yet. */
async function addHeld(): Promise<void> {
  const at = place.value;
  if (at.view !== 'box') return;
  const asked = shown;
  try {
    const held = await listHeld(at.box);
    if (asked !== shown) return;
    for (const { name } of held) if (!tabs.value.some((tab) => tab.name === name)) addPane(at, name);
  } catch (error) {
    // What is the matter with the box, its terminal tells.
    heedSignOut(error);
  }
}

async function listHeld(box: string) {
  const { items } = await unwrap(
    service.GET('/v1/dockbox/{id}/terminals', { params: { path: { id: box } } }),
  );
  return items;
}

/** Goes to a new terminal, of the next free name. */
export async function addTab(): Promise<void> {
  await addHeld();
  const at = place.value;
  if (at.view !== 'box') return;
  const names = new Set(tabs.value.map(({ name }) => name));
  let number = 2;
  while (names.has(String(number))) number += 1;
  go(at.box, { terminal: names.size === 0 ? 'main' : String(number) });
}

/** The program that a terminal would take with it; undefined when that is but a shell. */
export async function programIn(name: string): Promise<string | undefined> {
  const at = place.value;
  if (at.view !== 'box') return undefined;
  const held = (await listHeld(at.box)).find((terminal) => terminal.name === name);
  return held && !SHELLS.has(held.command) ? held.command : undefined;
}

/** Ends a terminal with what runs in it, and its tab. @throws {DockboxError} */
export async function endTab(name: string): Promise<void> {
  const at = place.value;
  if (at.view !== 'box') return;
  const path = { id: at.box, terminal: name };
  try {
    await unwrap(service.DELETE('/v1/dockbox/{id}/terminals/{terminal}', { params: { path } }));
  } catch (error) {
    // Its shell may have exited before.
    if (!(error instanceof DockboxError && error.code === 'DBX_NO_TERMINAL')) throw error;
  }
  const index = tabs.value.findIndex((tab) => tab.name === name);
  tabs.value[index]?.dispose();
  const rest = tabs.value.filter((tab) => tab.name !== name);
  const next = rest[Math.min(index, rest.length - 1)];
  tabs.value = rest;
  if (name === at.terminal) go(next && at.box, next ? { terminal: next.name } : {});
}

/** The tabs follow the address for as long as the page is there. */
export function followPlace(isAllowed: () => boolean): void {
  effect(() => showTabs(isAllowed()));
}
