// Whether a container's server is healthy: until it has been ready once, whether it is ready, so that a roll does not go on with replicas that
// can't serve anybody; from then on whether it lives, as a database that is away is no reason to end it.
import { existsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const hasBeenReady = path.join(tmpdir(), 'has-been-ready');

const route = existsSync(hasBeenReady) ? '/health' : '/health/ready';
const answer = await fetch(`http://127.0.0.1:${process.env.PORT}${route}`).catch(() => undefined);
if (answer?.ok) writeFileSync(hasBeenReady, '');
process.exitCode = answer?.ok ? 0 : 1;
