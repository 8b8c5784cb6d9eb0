import { type Signal, signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { focusTerminal } from './focus.js';

/** What lies over the page; nothing does when it is undefined. */
export const dialog: Signal<(() => ComponentChildren) | undefined> = signal(undefined);

export const closeDialog = () => {
  dialog.value = undefined;
};

/** Where dialogs are shown. Keys go to the terminal again when one is closed. */
export function DialogHost() {
  const content = dialog.value;
  return content ? content() : null;
}

type Props = { label: string; class?: string; children: ComponentChildren };

/** A modal dialog, which Escape and a click beside it close. */
export function Dialog({ label, class: name = '', children }: Props) {
  const element = useRef<HTMLDialogElement>(null);
  const content = useRef(dialog.value);
  // A dialog tells late that it was closed: another may be open by then.
  const close = () => {
    if (dialog.value === content.current) closeDialog();
  };
  useLayoutEffect(() => {
    element.current?.showModal();
    return () => {
      // One dialog may have opened another.
      if (!dialog.value) focusTerminal();
    };
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes it, as the browser has it.
    <dialog
      ref={element}
      class={name}
      aria-label={label}
      onClose={close}
      onClick={({ target }) => {
        if (target === element.current) close();
      }}
    >
      <div class="inside">{children}</div>
    </dialog>
  );
}
