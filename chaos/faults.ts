import { setTimeout as delay } from 'node:timers/promises';
import { ON_SWARM } from '../test/helpers/daemon.js';
import { FAULTS, type FaultKind, type Ledger } from './ledger.js';
import type { Random } from './random.js';
import type { Replica } from './replica.js';
import { TIMES, type World } from './world.js';

/**
 * Quiet before each fault of one thing, at least and at most, in ms. A swarm's only node takes ten seconds and more to come
 * back: to elect itself as the manager, and to be checked. Without time after that, clients would never get to it.
 */
const QUIET_MS: Record<keyof typeof FAULTS, [number, number]> = {
  replica: [1500, 5000],
  database: [5000, 10_000],
  engine: ON_SWARM ? [20_000, 40_000] : [6000, 12_000],
  box: [1000, 3000],
};

/** Longer than the lease: others bury the replica meanwhile, and stop the boxes that it left. */
const PAUSE_MS = [TIMES.lease * 1300, TIMES.lease * 2500] as const;

/** A line that is cut: for a moment that nobody notices, or until everybody has drawn their conclusions. */
const CUT_MS = [500, (TIMES.lease + TIMES.idle) * 2000] as const;

/** How long something that is down stays down. */
const DOWN_MS = [0, 3000] as const;

/** A server that drains has clients for so long after DRAIN_SECONDS as they take to answer a close, in ms. */
const EXIT_MS = TIMES.drain * 1000 + 25_000;

/** How much longer one that is late is watched, in ms. */
const LATER_MS = 20_000;

type Lane = { world: World; ledger: Ledger; random: Random; signal: AbortSignal };

/**
 * Injects faults of every kind at random moments, each thing's one after another and those of different things at the
 * same time, until the signal comes. @returns once everything is whole again
 */
export async function injectFaults({ world, ledger, random, signal }: Lane): Promise<void> {
  const lane = (thing: keyof typeof FAULTS, inject: (kind: FaultKind, chance: Random) => Promise<void>) =>
    runLane({ ledger, random: random.fork(), signal, thing, inject });
  await Promise.all([
    ...world.replicas.map((replica) =>
      lane('replica', (kind, chance) => REPLICA_FAULTS[kind]?.(replica, chance, ledger) as Promise<void>),
    ),
    lane('database', async (kind, chance) => {
      const over = ledger.begin(kind, 'database');
      await world.database.end(kind === 'database-crash' ? 'SIGQUIT' : 'SIGINT');
      await delay(chance.between(...DOWN_MS));
      await world.database.start();
      over();
    }),
    lane('engine', async (kind, chance) => {
      const over = ledger.begin(kind, 'engine');
      await world.daemon.end(kind === 'engine-crash' ? 'SIGKILL' : 'SIGTERM');
      await delay(chance.between(...DOWN_MS));
      // It does not go with Swarm.
      await world.daemon.start({ liveRestore: chance.next() < 0.5 && !ON_SWARM });
      over();
    }),
    lane('box', (kind, chance) => hurtBox(kind, { world, ledger, random: chance, signal })),
  ]);
}

type LaneOptions = Omit<Lane, 'world'> & {
  thing: keyof typeof FAULTS;
  inject: (kind: FaultKind, chance: Random) => Promise<void>;
};

/** Each kind comes once before any comes again. */
async function runLane({ ledger, random, signal, thing, inject }: LaneOptions): Promise<void> {
  let kinds: FaultKind[] = [];
  for (;;) {
    await delay(random.between(...QUIET_MS[thing]), undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    if (kinds.length === 0) kinds = random.shuffled(FAULTS[thing]);
    const kind = kinds.pop() as FaultKind;
    try {
      await inject(kind, random.fork());
    } catch (error) {
      ledger.violation(`${kind} could not be mended: ${(error as Error).message}`);
    }
  }
}

const REPLICA_FAULTS: Partial<
  Record<FaultKind, (replica: Replica, chance: Random, ledger: Ledger) => Promise<void>>
> = {
  'replica-kill': async (replica, chance, ledger) => {
    const over = ledger.begin('replica-kill', replica.name);
    await replica.end('SIGKILL');
    await delay(chance.between(...DOWN_MS));
    await replica.start();
    over();
  },
  'replica-restart': async (replica, _chance, ledger) => {
    const over = ledger.begin('replica-restart', replica.name);
    const clock = new AbortController();
    const late = delay(EXIT_MS, 'late', { signal: clock.signal }).catch(() => 'in time');
    const ending = replica.end('SIGTERM');
    if ((await Promise.race([ending, late])) === 'late') {
      ledger.violation(`${replica.name} did not end within ${EXIT_MS} ms of SIGTERM`);
      // Has Node write what the process waits for, beside its log.
      replica.signal('SIGUSR2');
      await Promise.race([ending, delay(LATER_MS)]);
      await replica.end('SIGKILL');
    }
    clock.abort();
    const code = await ending;
    if (code !== 0 && code !== 'SIGKILL')
      ledger.violation(
        `${replica.name} ended with ${code} on SIGTERM; at last it printed:\n${replica.lastWords}`,
      );
    await replica.start();
    over();
  },
  'replica-pause': async (replica, chance, ledger) => {
    const over = ledger.begin('replica-pause', replica.name);
    replica.signal('SIGSTOP');
    await delay(chance.between(...PAUSE_MS));
    replica.signal('SIGCONT');
    over();
  },
  'database-cut': (replica, chance, ledger) => cut('database-cut', 'database', replica, chance, ledger),
  'engine-cut': (replica, chance, ledger) => cut('engine-cut', 'engine', replica, chance, ledger),
};

async function cut(
  kind: FaultKind,
  line: keyof Replica['lines'],
  replica: Replica,
  chance: Random,
  ledger: Ledger,
): Promise<void> {
  const over = ledger.begin(kind, replica.name);
  replica.lines[line].cut();
  await delay(chance.between(...CUT_MS));
  replica.lines[line].join();
  over();
}

/** Takes some box's container, or its first process, from under it. While the engine is away there is none to take. */
async function hurtBox(kind: FaultKind, { world, ledger, random }: Lane): Promise<void> {
  const { daemon } = world;
  const filters = { label: ['dockbox.id'] };
  const containers = await daemon.docker.listContainers({ filters }).catch(() => []);
  const found = random.pick(containers);
  if (!found) return;
  const over = ledger.begin(kind, found.Labels['dockbox.id'] ?? '');
  const container = daemon.docker.getContainer(found.Id);
  const act = {
    'container-kill': () => container.kill(),
    'container-remove': () => container.remove({ force: true }),
    'init-kill': async () => daemon.kill((await container.inspect()).State.Pid),
  }[kind as (typeof FAULTS.box)[number]];
  // It may have ended by itself, or its engine may have been taken away.
  await act().catch(() => ledger.count('faults that came too late'));
  over();
}
