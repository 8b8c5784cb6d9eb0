import type { Box } from 'dockbox-client';
import { addressOf, place } from '../address.js';
import { stop } from '../boxes.js';
import { askToDelete, askToEnd, attempt, keysOf } from '../commands.js';
import { mayChange } from '../session.js';
import { addTab, tabs } from '../tabs.js';
import { plain } from '../text.js';
import { Icon } from './icons.js';
import { openPalette } from './palette.js';
import { share } from './share.js';

/** The terminals of a box, and what can be done with it. */
export function TabBar({ box }: { box: Box | undefined }) {
  const at = place.value;
  if (at.view !== 'box') return null;
  const { terminal } = at;
  return (
    <header class="bar">
      <a class="icon-button narrow" href={addressOf()} aria-label="All dockboxes">
        <Icon name="back" />
      </a>
      <nav class="tabs" aria-label="Terminals">
        <ul>
          {tabs.value.map(({ name, title }) => (
            <li key={name} class={name === terminal ? 'current' : ''}>
              <a
                href={addressOf(at.box, name)}
                aria-current={name === terminal ? 'page' : undefined}
                title={title.value || undefined}
              >
                {plain(name)}
              </a>
              {name === terminal && mayChange.value && (
                <button
                  type="button"
                  class="icon-button"
                  aria-label={`End terminal ${plain(name)}`}
                  onClick={() => attempt(() => askToEnd(name))}
                >
                  <Icon name="close" />
                </button>
              )}
            </li>
          ))}
        </ul>
        {mayChange.value && (
          <button
            type="button"
            class="icon-button"
            aria-label="New terminal"
            title="New terminal"
            onClick={() => attempt(addTab)}
          >
            <Icon name="add" />
          </button>
        )}
      </nav>
      {box && mayChange.value && (
        <div class="actions wide">
          <button type="button" disabled={box.status !== 'ready'} onClick={() => share(box, terminal)}>
            <Icon name="share" /> Share
          </button>
          <button type="button" disabled={!box.running} onClick={() => attempt(() => stop(box.id))}>
            <Icon name="stop" /> Stop
          </button>
          <button type="button" onClick={() => askToDelete(box)}>
            <Icon name="remove" /> Delete
          </button>
        </div>
      )}
      <button
        type="button"
        class="icon-button"
        aria-label="Commands"
        title={`Commands (${keysOf('K')})`}
        onClick={openPalette}
      >
        <Icon name="commands" />
      </button>
    </header>
  );
}
