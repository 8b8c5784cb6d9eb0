import { useSignal } from '@preact/signals';
import { type Command, commands } from '../commands.js';
import { closeDialog, Dialog, dialog } from './dialog.js';

export function openPalette(): void {
  const all = commands();
  dialog.value = () => <Palette all={all} />;
}

/** All that can be done here, for the keyboard and for screens that have no room for buttons. */
function Palette({ all }: { all: Command[] }) {
  const sought = useSignal('');
  const chosen = useSignal(0);
  const words = sought.value.toLowerCase().split(/\s+/);
  const found = all.filter(({ title }) => words.every((word) => title.toLowerCase().includes(word)));
  const index = Math.min(chosen.value, found.length - 1);

  const run = (command: Command | undefined) => {
    if (!command) return;
    closeDialog();
    void command.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === 'Enter') run(found[index]);
    else if (step && found.length > 0) chosen.value = (index + step + found.length) % found.length;
    else return;
    event.preventDefault();
  };

  return (
    <Dialog label="Commands" class="palette">
      <input
        type="text"
        role="combobox"
        aria-label="Command"
        aria-expanded="true"
        aria-controls="commands"
        aria-activedescendant={found.length > 0 ? `command-${index}` : undefined}
        autocomplete="off"
        spellcheck={false}
        placeholder="What to do?"
        value={sought.value}
        onInput={({ currentTarget }) => {
          sought.value = currentTarget.value;
          chosen.value = 0;
        }}
        onKeyDown={onKeyDown}
      />
      {/* Its keys are those of the input, which keeps the focus. */}
      <div id="commands" role="listbox" aria-label="Commands" tabIndex={-1}>
        {found.map((command, at) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the input has the keys.
          // biome-ignore lint/a11y/useFocusableInteractive: the input has the focus, and names the option that is active.
          <div
            key={command.title}
            id={`command-${at}`}
            role="option"
            aria-selected={at === index}
            ref={(element) => {
              if (at === index) element?.scrollIntoView({ block: 'nearest' });
            }}
            onPointerMove={() => {
              chosen.value = at;
            }}
            onClick={() => run(command)}
          >
            <span>{command.title}</span>
            {command.keys && <kbd>{command.keys}</kbd>}
          </div>
        ))}
      </div>
      {found.length === 0 && <p class="hint">There is no such command.</p>}
    </Dialog>
  );
}
