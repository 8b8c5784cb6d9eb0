import { type Box, FAULTS, type FaultKind, type Ledger } from './ledger.js';
import type { Replica } from './replica.js';
import type { Ended } from './terminal.js';
import { TIMES } from './world.js';

/** How long after its end a fault may still be felt, in ms: by who dies of it, and by who has waited for it meanwhile. */
const SOON_MS = 10_000;
const LATE_MS = 60_000;

/** What is said when the container is gone before its shell is there. */
const STARTING = 'while a shell was being started';

/** How long a server may serve on after its lease has lapsed, in ms. */
const LAPSED_MS = (TIMES.lease + TIMES.idle) * 1000 + SOON_MS;

const SHARED: FaultKind[] = [...FAULTS.database, ...FAULTS.engine];

/**
 * What is wrong with an ending that no client wanted, if anything is: each needs a fault, or somebody's wish, that
 * explains it. Above all, a box with a client is not stopped for being idle.
 */
export function judge(ledger: Ledger, box: Box, replica: Replica, ended: Ended): string | undefined {
  const { code, message } = ended;
  const own = (kinds: FaultKind[], afterMs: number) => ledger.explains(kinds, [replica.name], afterMs);
  const shared = (afterMs: number) => ledger.explains(SHARED, ['database', 'engine'], afterMs);
  const hurt = ledger.explains(FAULTS.box, [box.id], SOON_MS);
  const stopped = box.state !== 'here' || box.stopping >= performance.now() - LATE_MS;
  const gone = own(['replica-kill', 'replica-restart'], SOON_MS);
  const outOfTouch = own(['replica-pause', 'database-cut', 'engine-cut'], LAPSED_MS);
  const engine = ledger.explains(FAULTS.engine, ['engine'], LATE_MS) || own(['engine-cut'], LATE_MS);

  const explained = () => {
    switch (code) {
      case 0: // Nobody answered, or no longer.
        return gone || own([...FAULTS.replica], LATE_MS) || shared(LATE_MS);
      case 404:
        return box.state !== 'here';
      case 409: // Stopped or deleted just now.
        return stopped || hurt || engine;
      case 503:
        return stopped || gone || hurt || own([...FAULTS.replica], LATE_MS) || shared(LATE_MS);
      case 1001: // Stopped or deleted, on somebody's wish; who is paused or about to start a shell can't tell whose.
        return (
          stopped || own(['replica-pause'], LAPSED_MS) || (message.includes(STARTING) && (hurt || engine))
        );
      case 1006:
        return gone || own(['replica-pause'], SOON_MS);
      case 1011:
      case 1013:
        return hurt || engine || shared(LATE_MS);
      case 1012:
        return gone || outOfTouch || shared(LATE_MS) || stopped;
      default:
        return false;
    }
  };
  if (explained()) return undefined;
  return `${box.name} on ${replica.name} ended with ${code} (${message}), and nothing explains it`;
}
