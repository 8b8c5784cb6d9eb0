import type { Pane } from '../terminal/pane.js';

/** Keys that the keyboards of phones lack: what is shown, what is said where that is no word, and what is typed. */
const KEYS = [
  ['Esc', undefined, '\x1b'],
  ['Tab', undefined, '\t'],
  ['Ctrl', 'Ctrl, for the next key', undefined],
  ['←', 'Left', 'D'],
  ['↓', 'Down', 'B'],
  ['↑', 'Up', 'A'],
  ['→', 'Right', 'C'],
  ['/', 'Slash', '/'],
  ['|', 'Pipe', '|'],
  ['-', 'Hyphen', '-'],
] as const;

/** A row of keys above the keyboard of a phone. */
export function KeyRow({ pane }: { pane: Pane }) {
  if (pane.readonly) return null;
  const press = (keys: string | undefined) => {
    if (keys === undefined) pane.ctrl.value = !pane.ctrl.value;
    else pane.type(/^[A-D]$/.test(keys) ? pane.screen.arrow(keys) : keys);
  };
  return (
    <div class="key-row" role="toolbar" aria-label="Keys">
      {KEYS.map(([text, label, keys]) => (
        <button
          key={text}
          type="button"
          aria-label={label}
          aria-pressed={keys === undefined ? pane.ctrl.value : undefined}
          // The keyboard stays, and goes on typing into the terminal.
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => press(keys)}
        >
          {text}
        </button>
      ))}
    </div>
  );
}
