import type { Box } from 'dockbox-client';
import { go } from '../address.js';
import { createAgain } from '../boxes.js';
import { now } from '../clock.js';
import { attempt } from '../commands.js';
import { mayChange } from '../session.js';
import type { Pane } from '../terminal/pane.js';
import { plain, span } from '../text.js';

/** The most that is said of why something is as it is, in characters. */
const MAX_REASON = 500;

/** Says how a terminal's connection is when it is not as it should be, and lets one mend it. */
export function Connection({ pane, box }: { pane: Pane; box?: Box | undefined }) {
  const { value: state } = pane.state;
  if (state.kind === 'connecting' || state.kind === 'connected') return <div role="status" />;
  if (state.kind === 'away') {
    return (
      <div class="connection away">
        <p role="status">{plain(`${state.reason} Reconnecting…`, MAX_REASON)}</p>
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
  const { code, reason, exitStatus, statusCode } = state.end;
  const hasExited = code === 1000;
  const text = hasExited && exitStatus !== undefined ? `The shell exited with status ${exitStatus}.` : reason;
  return (
    <div class="connection">
      <p role="status">{plain(text, MAX_REASON)}</p>
      {box?.status === 'failed' && mayChange.value && (
        <button
          type="button"
          onClick={() => attempt(async () => go((await createAgain(box)).name, { replace: true }))}
        >
          Try again
        </button>
      )}
      {box?.status !== 'failed' && statusCode !== 404 && (
        <button type="button" onClick={() => pane.connect()}>
          {hasExited ? 'New shell' : 'Connect again'} <kbd>Enter</kbd>
        </button>
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
