import t from 'tap';
import { report } from '../chaos/report.js';
import { runChaos } from '../chaos/run.js';

// A slow machine may take that long for all of it.
t.setTimeout(900_000);

/** Always the same seed, so that one run can be compared with the next. With its end it takes twice the time. */
const OPTIONS = { seed: 1, seconds: 30, replicas: 3, boxes: 10, clients: 6 };

t.test('servers that are killed, paused, cut off and restarted keep what they promise', async (t) => {
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort();
  process.once('SIGTERM', interrupt);
  t.teardown(() => process.off('SIGTERM', interrupt));
  const ledger = await runChaos(OPTIONS, interrupted.signal, (line) => t.comment(line));
  t.comment(report(ledger, OPTIONS));
  t.strictSame(ledger.violations, []);
  t.strictSame(ledger.missing, [], 'there was a fault of every kind, and clients went on working after it');
  t.ok(ledger.counts.get('files compared'), 'files were compared in the end');
});
