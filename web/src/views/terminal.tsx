import { useSignalEffect } from '@preact/signals';
import type { Box } from 'dockbox-client';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Pane } from '../terminal/pane.js';
import { plain } from '../text.js';
import { Connection } from './connection.js';
import { Find } from './find.js';
import { focusTerminal } from './focus.js';
import { KeyRow } from './key-row.js';

/** A terminal, with what there is to say about its connection. */
export function TerminalView({ pane, box }: { pane: Pane; box?: Box | undefined }) {
  const host = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    host.current?.replaceChildren(pane.screen.element);
    pane.show();
    focusTerminal();
    return () => pane.screen.hide();
  }, [pane]);
  useSignalEffect(() => {
    if (pane.state.value.kind === 'connected') focusTerminal();
  });
  return (
    <section class="terminal" aria-label={`Terminal ${plain(pane.name)}`}>
      <div class="host" ref={host} />
      <Find />
      <Connection pane={pane} box={box} />
      <KeyRow pane={pane} />
    </section>
  );
}
