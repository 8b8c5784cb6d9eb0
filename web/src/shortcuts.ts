import { go, place } from './address.js';
import { commands, isMac, keysOf } from './commands.js';
import { active, tabs } from './tabs.js';
import { openPalette } from './views/palette.js';

/** Listens for the page's own keys, before a terminal does: those that it has no use for. */
export function listenForShortcuts(): void {
  addEventListener('keydown', onKeyDown, { capture: true });
}

function onKeyDown(event: KeyboardEvent): void {
  const { altKey, code, ctrlKey, metaKey, shiftKey } = event;
  const isOurs = isMac ? metaKey && !shiftKey : ctrlKey && shiftKey;
  if (!isOurs || altKey) return;
  const key = code.replace(/^Key|^Digit/, '');
  if (!act(key)) return;
  event.preventDefault();
  event.stopPropagation();
}

/** @returns whether the key means something */
function act(key: string): boolean {
  if (key === 'K') openPalette();
  else if (/^[1-9]$/.test(key) && !isMac && place.value.view === 'box') {
    const tab = tabs.value[Number(key) - 1];
    if (tab && !place.value.share) go(place.value.box, { terminal: tab.name });
  } else if (key === 'C' && !isMac) {
    const selected = active.value?.screen.emulator.getSelection();
    if (!selected) return false;
    // Without leave to write there, the browser's own menu still can.
    navigator.clipboard?.writeText(selected).catch(() => {});
  } else {
    const command = commands().find(({ keys }) => keys === keysOf(key));
    if (!command) return false;
    void command.run();
  }
  return true;
}
