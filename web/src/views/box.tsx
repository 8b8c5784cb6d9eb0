import { useSignalEffect } from '@preact/signals';
import { place } from '../address.js';
import { boxOf, refresh } from '../boxes.js';
import { active, tabs } from '../tabs.js';
import { plain, sourceOf } from '../text.js';
import { Notice } from './notice.js';
import { TabBar } from './tab-bar.js';
import { TerminalView } from './terminal.js';

/** A box: its terminals, and a line about it. */
export function BoxView({ name }: { name: string }) {
  const box = boxOf(name).value;
  const pane = active.value;
  const own = tabs.value.filter(({ state }) => state.value.kind === 'connected').length;
  const others = (box?.connections ?? 0) - own;
  // A connection that comes or goes changes what the list says of its box.
  useSignalEffect(() => {
    if (active.value?.state.value.kind !== 'connecting') void refresh();
  });
  return (
    <>
      <h1 class="unseen">{plain(name)}</h1>
      <TabBar box={box} />
      <Notice />
      {pane && <TerminalView pane={pane} box={box} />}
      <footer class="line">
        <ConnectionState />
        {box && <span class="origin">{sourceOf(box)}</span>}
        {box?.image && <span class="wide">{plain(box.image)}</span>}
        {pane?.state.value.kind === 'connected' && others > 0 && <span>{others} more connected</span>}
        {pane && <span class="wide">{pane.size.value}</span>}
      </footer>
    </>
  );
}

/** A terminal that somebody shared, and nothing else. */
export function SharedView() {
  const { value: at } = place;
  const pane = active.value;
  if (at.view !== 'box') return null;
  return (
    <main class="only">
      <h1 class="unseen">{plain(at.box)}</h1>
      {pane && <TerminalView pane={pane} />}
      <footer class="line">
        <ConnectionState />
        <span>
          {plain(at.box)}, shared with you{pane?.readonly ? ' to watch' : ''}
        </span>
        {pane && <span class="wide">{pane.size.value}</span>}
      </footer>
    </main>
  );
}

const WORDS = {
  connecting: 'connecting',
  connected: 'connected',
  away: 'reconnecting',
  ended: 'not connected',
};

function ConnectionState() {
  const kind = active.value?.state.value.kind ?? 'ended';
  return <span class={`state ${kind}`}>{WORDS[kind]}</span>;
}
