import { setTimeout as delay } from 'node:timers/promises';
import type { Boxes } from '../boxes/boxes.js';
import { ask, found, KILLED } from '../docker.js';
import type { Engine, Place } from '../engines/engine.js';
import { errors } from '../errors.js';
import { CLOSE, type Ending } from './close.js';
import { statusCommand } from './commands.js';
import { runInBox } from './run.js';

/** How long the engine may take to see that a container has stopped, in ms, and how often it is asked. */
const SETTLE_MS = 2000;
const POLL_MS = 25;

/** How far back an end can have been for want of memory, in seconds. */
const RECENT_SECONDS = 10;

type Ended = {
  engine: Engine;
  /** Where its shell ran. */
  place: Place;
  boxes: Boxes;
  boxId: string;
  execId: string;
  /** The name of the terminal when it was a held one. */
  held?: string | undefined;
  /** When it was opened, as `performance.now()` had it. */
  openedAt: number;
  /** Whether there was a time when the connection did not count. */
  hasLapsed: () => Promise<boolean>;
};

/**
 * Why a shell's stream ended, asked of the engine once it has: the shell exited, or its container stopped, and then on whose
 * account. When a container stops, its shells are killed a moment before the engine knows that it did: so a shell that
 * was killed is given the time to show which it was.
 * @throws {@link errors.EngineUnavailable}; what pg throws
 */
export async function whyEnded(ended: Ended): Promise<Ending> {
  const { engine, place, boxId } = ended;
  const isSilent = async () => (await engine.whereabouts(boxId, place)) === 'silent';
  if (await isSilent()) return SILENT;
  try {
    return await askWhyEnded(ended);
  } catch (error) {
    // A machine that goes takes shells with it before its engine: that answered then, and does no more.
    if (error instanceof errors.EngineUnavailable && (await isSilent())) return SILENT;
    throw error;
  }
}

const SILENT: Ending = {
  code: CLOSE.serviceRestart,
  reason: 'The machine of this dockbox does not answer: connect again.',
};

async function askWhyEnded(ended: Ended): Promise<Ending> {
  const { engine, place, boxes, boxId, execId, held, openedAt, hasLapsed } = ended;
  const exec = await ask(found(place.docker.getExec(execId).inspect()));
  // What shows a held shell ends well only with it, and with an error when its terminal is lost.
  const exited = exec && !exec.Running && (held ? exec.ExitCode === 0 : exec.ExitCode !== KILLED);
  const runs = await staysRunning(place, exited ? 0 : SETTLE_MS);
  // The engine forgets the execs of a container that it has started anew.
  if (runs && exec) {
    // A held shell is not the exec's own process, which only shows it.
    const exitCode = held ? await heldExitCode(place, held) : (exec.ExitCode ?? undefined);
    const isTold = exited && exitCode !== undefined;
    if (isTold || !(await wasStartedSince(place, openedAt))) {
      return { code: CLOSE.normal, reason: await howShellEnded(place, exitCode), exitCode };
    }
  }
  // Asked first: a box that is deleted has no connections either.
  const lapsed = await hasLapsed();
  const stopped = await whyStopped(boxes, boxId);
  // Others stop the boxes of a replica that they take for dead: its clients are to find another one.
  if (lapsed && stopped !== BY_WISH.deleted) {
    return { code: CLOSE.serviceRestart, reason: 'This server was out of touch: connect again.' };
  }
  if (stopped) return stopped;
  if ((await engine.whereabouts(boxId, place)) === 'moved') {
    return { code: CLOSE.serviceRestart, reason: 'This dockbox moves to another machine: connect again.' };
  }
  return { code: CLOSE.serverError, reason: await howContainerDied(place) };
}

/** How the terminals end of a box that was stopped or deleted because somebody wanted it so. */
const BY_WISH = {
  deleted: { code: CLOSE.goingAway, reason: 'The dockbox was deleted.' },
  stopped: { code: CLOSE.goingAway, reason: 'The dockbox was stopped: connect again to start it.' },
  'stopped for disk': {
    code: CLOSE.goingAway,
    reason:
      'The dockbox was stopped, as it takes more disk than it may: connect again and delete some files.',
  },
} satisfies Record<string, Ending>;

/**
 * How the terminals of a box end that does not run because it was stopped or deleted; undefined when it should run. Waits
 * for a stop, or a deletion, that is at work. @throws what pg throws
 */
export async function whyStopped(boxes: Boxes, boxId: string): Promise<Ending | undefined> {
  const wanted = await boxes.wanted(boxId);
  return wanted === 'running' ? undefined : BY_WISH[wanted];
}

const OUT_OF_MEMORY = 'the dockbox ran out of memory';

/**
 * Whether a box's container was started after a moment of ours: somebody else may have started it anew at once. Only
 * spans of time are compared, as the engine may have another clock.
 */
async function wasStartedSince({ docker, container: handle }: Place, moment: number): Promise<boolean> {
  const { SystemTime } = await ask<{ SystemTime: string }>(docker.info());
  const ago = performance.now() - moment;
  const container = await ask(found(handle.inspect()));
  return container !== undefined && Date.parse(container.State.StartedAt) > Date.parse(SystemTime) - ago;
}

/** The exit code of a held shell; undefined when it was ended with its terminal. */
async function heldExitCode(place: Place, terminal: string): Promise<number | undefined> {
  const { output } = await runInBox(place, statusCommand(terminal));
  return /^\d+$/.test(output.trim()) ? Number(output) : undefined;
}

async function howShellEnded(place: Place, exitCode: number | undefined): Promise<string> {
  if (exitCode === undefined) return 'The terminal was ended.';
  if (exitCode !== KILLED) return 'The shell exited.';
  const lacked = await lackedMemory(place, exitCode);
  return `The shell was killed: ${lacked ? OUT_OF_MEMORY : 'by a signal'}.`;
}

/** What became of a container that dockbox did not stop. */
async function howContainerDied(place: Place): Promise<string> {
  const container = await ask(found(place.container.inspect()));
  const remedy = 'connect again to start it, your files are there.';
  if (!container || container.State.Status === 'removing') {
    return `The container of this dockbox was removed: ${remedy}`;
  }
  const { Running, ExitCode } = container.State;
  if (Running) return 'The container of this dockbox was restarted: connect again.';
  if (await lackedMemory(place, ExitCode)) return `It ended because ${OUT_OF_MEMORY}: ${remedy}`;
  return `The container of this dockbox ended, not by dockbox (status ${ExitCode}): ${remedy}`;
}

/**
 * Whether the kernel has just killed something in the container for want of memory. The state's own `OOMKilled` tells that
 * only of the container's whole life, and of a container that has ended.
 */
async function lackedMemory({ docker, container }: Place, exitCode: number | null): Promise<boolean> {
  if (exitCode !== KILLED) return false;
  const { SystemTime } = await ask<{ SystemTime: string }>(docker.info());
  const now = Math.ceil(Date.parse(SystemTime) / 1000);
  const filters = JSON.stringify({ event: ['oom'], container: [container.id] });
  const events = await ask(docker.getEvents({ since: now - RECENT_SECONDS, until: now, filters }));
  let seen = false;
  for await (const event of events) seen ||= event.length > 0;
  return seen;
}

/**
 * Whether a container runs.
 * @param patienceMs for how long it has to be seen running to be believed, in ms
 * @throws {@link errors.EngineUnavailable}
 */
export async function staysRunning({ container }: Place, patienceMs = SETTLE_MS): Promise<boolean> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const inspected = await ask(found(container.inspect()));
    if (!inspected?.State.Running) return false;
    if (Date.now() >= deadline) return true;
    await delay(POLL_MS);
  }
}
