import { useSignalEffect } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { now } from '../clock.js';
import type { Pane } from '../terminal/pane.js';
import { plain, span } from '../text.js';
import { Find } from './find.js';
import { focusTerminal } from './focus.js';
import { KeyRow } from './key-row.js';

/** A terminal, with what there is to say about its connection. */
export function TerminalView({ pane }: { pane: Pane }) {
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
      <Connection pane={pane} />
      <KeyRow pane={pane} />
    </section>
  );
}

/** Says how the connection is when it is not as it should be, and lets one mend it. */
function Connection({ pane }: { pane: Pane }) {
  const { value: state } = pane.state;
  if (state.kind === 'connecting' || state.kind === 'connected') return <div role="status" />;
  if (state.kind === 'ended') {
    const { code, reason, exitStatus } = state.end;
    const hasExited = code === 1000;
    const text =
      hasExited && exitStatus !== undefined ? `The shell exited with status ${exitStatus}.` : reason;
    return (
      <div class="connection" role="status">
        <p>{plain(text, 500)}</p>
        {state.end.statusCode !== 404 && (
          <button type="button" onClick={() => pane.connect()}>
            {hasExited ? 'New shell' : 'Connect again'} <kbd>Enter</kbd>
          </button>
        )}
      </div>
    );
  }
  return (
    <div class="connection away">
      <p role="status">{plain(`${state.reason} Reconnecting…`, 500)}</p>
      {state.retryAt !== undefined && (
        <>
          <Countdown until={state.retryAt} attempt={state.attempt} />
          <button type="button" onClick={() => pane.retryNow()}>
            Try now
          </button>
        </>
      )}
    </div>
  );
}

function Countdown({ until, attempt }: { until: number; attempt: number }) {
  // Read, so that it is drawn once a second; the time itself is this machine's.
  void now.value;
  const leftMs = until - Date.now();
  return (
    <p class="hint">
      Attempt {attempt}
      {leftMs > 500 ? ` in ${span(leftMs)}` : ''}
    </p>
  );
}
