import t, { type Test } from 'tap';
import { createBox } from '../helpers/box.js';
import type { TerminalClient } from '../helpers/client.js';
import { ON_SWARM } from '../helpers/daemon.js';
import { openTerminal, readNote, startWorld } from '../helpers/engine-faults.js';

/** A client is told to connect again, and why, in words that are not the operating system's. */
async function endsInWords(t: Test, client: TerminalClient): Promise<void> {
  const { code, reason } = await client.closed;
  t.ok([1011, 1012, 1013].includes(code), `closes with ${code}`);
  t.match(reason, /\w+ \w+/);
  t.notMatch(reason, /E[A-Z]{4,}|\.sock/);
}

t.test('an engine that is restarted ends terminals with a reason; a reconnect finds the files', async (t) => {
  const { daemon, server } = await startWorld(t);
  await createBox(t, server);
  const client = await openTerminal(t, server);

  await daemon.end('SIGTERM');
  await endsInWords(t, client);

  await daemon.start();
  t.match(await readNote(t, server), /<kept>/);
});

t.test('an engine that is killed ends terminals with a reason; a reconnect finds the files', async (t) => {
  const { daemon, server } = await startWorld(t);
  await createBox(t, server);
  const client = await openTerminal(t, server);

  await daemon.end('SIGKILL');
  await endsInWords(t, client);

  await daemon.start();
  t.match(await readNote(t, server), /<kept>/);
});

const noLiveRestore = ON_SWARM && 'live-restore does not go with Swarm: see deploy/swarm.md';
t.test('with live-restore the boxes outlive their engine', { skip: noLiveRestore }, async (t) => {
  // An engine may take its time to come back: a sweep is not to stop the box then.
  const { daemon, deployment, server } = await startWorld(t, { liveRestore: true, idleSeconds: 120 });
  const id = await createBox(t, server);
  const client = await openTerminal(t, server);
  const startedAt = async () => {
    const { State } = await (await deployment.container(id)).inspect();
    return State.StartedAt;
  };
  const before = await startedAt();

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await daemon.end(signal);
    await daemon.start();
    t.match(await readNote(t, server), /<kept>/, `after ${signal}`);
    t.equal(await startedAt(), before, 'the container was not started anew');
  }
  await endsInWords(t, client);
});
