import { setTimeout as delay } from 'node:timers/promises';
import type { Test } from 'tap';
import { connect, type Service } from './client.js';
import { type Daemon, startDaemon } from './daemon.js';
import { type Deployment, makeDeployment } from './deployment.js';
import { startServer } from './server.js';

/** Long enough for the engine or a sweep, which ends deletions after 30 s, to be seen to do it, in ms. */
const PATIENCE_MS = 120_000;
const POLL_MS = 100;

export type World = { daemon: Daemon; deployment: Deployment; server: Service };

/**
 * A server whose engine can be taken away from it.
 * @param idleSeconds how long its boxes run that nobody is connected to
 */
export async function startWorld(
  t: Test,
  { liveRestore, idleSeconds = 1 }: { liveRestore?: boolean; idleSeconds?: number } = {},
): Promise<World> {
  const daemon = await startDaemon(t, { liveRestore });
  const variables = {
    DOCKER_SERVER_HOST: daemon.socket,
    IDLE_TIMEOUT_SECONDS: String(idleSeconds),
    SWEEP_SECONDS: '0.5',
  };
  const deployment = await makeDeployment(t, variables, daemon.socket);
  return { daemon, deployment, server: await startServer(t, deployment) };
}

/** A terminal that has written `/workspace/note`. */
export async function openTerminal(t: Test, server: Service, id = 'box') {
  const client = await connect(t, server, id);
  client.type('echo kept >/workspace/note; echo wri"tten"\r');
  await client.shows(/written/);
  return client;
}

/** Connects until it is let in, as a client that was cut off does, and reads the note. */
export async function readNote(t: Test, server: Service): Promise<string> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      const client = await connect(t, server, 'box');
      client.type('echo "<$(cat /workspace/note)>"\r');
      return await client.shows(/<kept>/);
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(POLL_MS);
    }
  }
}

/** Waits for what the database or the engine is about to do. */
export async function eventually(t: Test, what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await holds().catch(() => false))) {
    if (Date.now() > deadline) {
      t.fail(what);
      return;
    }
    await delay(POLL_MS);
  }
  t.pass(what);
}
