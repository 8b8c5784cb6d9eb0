import { signal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { active } from '../tabs.js';
import { focusTerminal } from './focus.js';
import { Icon } from './icons.js';

const isOpen = signal(false);
const sought = signal('');
const isFound = signal(true);

export function openFind(): void {
  isOpen.value = true;
}

function find(direction: 'next' | 'previous', incremental = false): void {
  const search = active.value?.screen.search;
  if (!search) return;
  if (sought.value === '') search.clearDecorations();
  const found =
    direction === 'next' ? search.findNext(sought.value, { incremental }) : search.findPrevious(sought.value);
  isFound.value = found || sought.value === '';
}

/** Finds a text in what the terminal has shown. */
export function Find() {
  const input = useRef<HTMLInputElement>(null);
  // At once: what is typed next is for it.
  useLayoutEffect(() => {
    if (isOpen.value) input.current?.select();
  }, [isOpen.value]);
  if (!isOpen.value) return null;

  const close = () => {
    isOpen.value = false;
    active.value?.screen.search.clearDecorations();
    focusTerminal();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') close();
    if (event.key === 'Enter') find(event.shiftKey ? 'next' : 'previous');
  };
  return (
    <search class="find">
      <input
        ref={input}
        type="text"
        aria-label="Find in the terminal"
        placeholder="Find"
        spellcheck={false}
        class={isFound.value ? '' : 'missing'}
        value={sought.value}
        onInput={({ currentTarget }) => {
          sought.value = currentTarget.value;
          find('previous');
        }}
        onKeyDown={onKeyDown}
      />
      <span class="unseen" role="status">
        {isFound.value ? '' : 'Not found'}
      </span>
      <button type="button" class="icon-button" aria-label="Previous" onClick={() => find('previous')}>
        <Icon name="up" />
      </button>
      <button type="button" class="icon-button" aria-label="Next" onClick={() => find('next')}>
        <Icon name="down" />
      </button>
      <button type="button" class="icon-button" aria-label="Close" onClick={close}>
        <Icon name="close" />
      </button>
    </search>
  );
}
