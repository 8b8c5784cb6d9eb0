import type { Box } from 'dockbox-client';
import { addressOf, place } from '../address.js';
import { boxes, hasMore, listProblem, showMore } from '../boxes.js';
import { now } from '../clock.js';
import { plain, sourceOf, span } from '../text.js';

/** One's boxes, each with how it is. */
export function BoxList() {
  const { value: items } = boxes;
  const at = place.value.view === 'box' ? place.value.box : undefined;
  return (
    <nav class="boxes" aria-label="Dockboxes">
      {listProblem.value && (
        <p class="problem" role="alert">
          {listProblem.value}
        </p>
      )}
      {items?.length === 0 && (
        <p class="hint">You have no dockbox yet. Paste the address of a repository to make one.</p>
      )}
      <ul>
        {items?.map((box) => (
          <li key={box.id}>
            <a
              href={addressOf(box.name)}
              aria-current={at === box.name || at === box.id ? 'page' : undefined}
            >
              <span class="name">{plain(box.name)}</span>
              <BoxState box={box} />
              <span class="origin">{sourceOf(box)}</span>
            </a>
          </li>
        ))}
      </ul>
      {hasMore.value && (
        <button type="button" class="quiet" onClick={showMore}>
          Show older ones
        </button>
      )}
    </nav>
  );
}

/** How a box is, in a word or two. */
export function BoxState({ box }: { box: Box }) {
  const [kind, text] = describe(box);
  return <span class={`state ${kind}`}>{text}</span>;
}

function describe({ status, running, stopsAt }: Box): [kind: string, text: string] {
  if (status !== 'ready') return [status, status];
  if (!running) return ['stopped', 'stopped'];
  if (stopsAt) return ['idle', `stops in ${span(Date.parse(stopsAt) - now.value)}`];
  return ['running', 'running'];
}
