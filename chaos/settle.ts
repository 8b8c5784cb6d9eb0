import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ON_SWARM } from '../test/helpers/daemon.js';
import { ask } from './http.js';
import type { Box, Ledger } from './ledger.js';
import type { Random } from './random.js';
import { Terminal } from './terminal.js';
import { TIMES, type World } from './world.js';

/**
 * How long everything may take to come to rest once nobody is there any more, in ms: a deletion that was left off is ended
 * after 30 s, a transaction of a server that vanished after another 30 s, containers without a row are looked for twice a
 * minute.
 */
const REST_MS = (TIMES.lease + TIMES.idle) * 1000 + 120_000;
const POLL_MS = 500;

/** How long what ran in a shell may take to end after its client has gone, in ms. */
const HANG_UP_MS = 10_000;

/**
 * What an engine that is killed may leave of itself, and knows nothing of when it is back: a shim, and a container's first
 * process that was made and not yet let go. Neither runs anything of a box's.
 */
const LEFT_BY_ENGINE = ['containerd-shim', 'runc:[2:INIT]'];

/**
 * The same of a container that was started, when the engine is killed before it has noted that: back again, it neither
 * starts nor ends it, and whoever removes the container removes the engine's record alone. Nobody ever had a shell in it.
 */
const FIRST_PROCESSES = ['docker-init', 'busybox'];
const LOST_BY_ENGINE = /cannot delete running task ([0-9a-f]{64})/g;

type Scene = { world: World; ledger: Ledger; random: Random };

/** After the last fault and the last client: everything comes to rest, and is as it was promised to be. */
export async function settle(scene: Scene): Promise<void> {
  const { world, ledger } = scene;
  await untilNothing(ledger, 'after the last client', () => unrest(world));
  await settleDoubts(scene);
  await compare(scene);
  await leaveInEveryWay(scene);
  await untilNothing(ledger, 'after the second round', () => unrest(world));
  await deleteAll(scene);
  await untilNothing(ledger, 'after the last deletion', () => remains(world));
  await endServers(scene);
}

/** Waits until there is nothing to complain about, or for long enough to complain. */
async function untilNothing(ledger: Ledger, when: string, look: () => Promise<string[]>): Promise<void> {
  const startedAt = performance.now();
  for (;;) {
    const complaints = await look();
    const ms = performance.now() - startedAt;
    if (complaints.length === 0) return ledger.say(`at rest ${when}, in ${(ms / 1000).toFixed(1)} s`);
    if (ms > REST_MS) {
      for (const complaint of complaints) ledger.violation(`${when}, ${complaint}`);
      return;
    }
    await delay(POLL_MS);
  }
}

/** What still moves when nobody is there. */
async function unrest(world: World): Promise<string[]> {
  const { pool, replicas } = world;
  // A fetch's is removed when it has ended.
  const containers = (await notKept(world)).filter(
    ({ Names, State }) => State === 'running' || Names[0]?.startsWith('/dockbox-fetch-'),
  );
  const { rows } = await pool.query<{ what: string }>(
    `select 'the connection ' || id || ' is counted' as what from connection
     union all select 'the box ' || id || ' is ' || status || ', running: ' || running || ', deleted: '
       || coalesce(deleted_at::text, 'no')
       from dockbox where running or status = 'creating' or deleted_at is not null
     union all select 'what was prepared for ' || id || ' is nobody''s' from prepared_fetch where replica_id is null`,
  );
  const known = await pool.query('select from replica');
  return [
    ...containers.map(({ Names, State }) => `the container ${Names[0]} is ${State}`),
    ...rows.map(({ what }) => what),
    ...(known.rowCount === replicas.length ? [] : [`${known.rowCount} servers are known`]),
  ];
}

/** The containers that are there, but for those that servers keep: ready for fetches to come, and with the tools. */
async function notKept({ daemon, pool }: World) {
  const containers = await daemon.docker.listContainers({ all: true });
  // Looked for after them: a row is there before its container.
  const ids = await prepared(pool);
  return containers.filter(({ Names: [name = ''] }) => {
    return !name.startsWith('/dockbox-tools-') && !ids.has(name.replace('/dockbox-fetch-', ''));
  });
}

/** The ids of boxes to come that servers have prepared fetches for. */
async function prepared(pool: World['pool']): Promise<Set<string>> {
  const { rows } = await pool.query<{ id: string }>('select id from prepared_fetch');
  return new Set(rows.map(({ id }) => id));
}

/** Names whose fate nobody heard of: what there is of them is deleted, as by whoever looks at the list. */
async function settleDoubts({ world, ledger }: Scene): Promise<void> {
  const { rows } = await world.pool.query<{ id: string; name: string; status: string }>(
    'select id, name, status from dockbox',
  );
  const acknowledged = new Set(ledger.boxes.map(({ id }) => id));
  for (const { id, name, status } of rows) {
    if (acknowledged.has(id)) continue;
    if (!ledger.inDoubt.has(name) && status !== 'failed') ledger.violation(`nobody knows of the box ${name}`);
    await remove(world, ledger, id);
  }
}

/** Rows, containers, workspaces and files against what was acknowledged. */
async function compare({ world, ledger, random }: Scene): Promise<void> {
  const here = ledger.boxes.filter(({ state }) => state === 'here');
  const ids = new Set(here.map(({ id }) => id));
  const { rows } = await world.pool.query<{ id: string; status: string }>('select id, status from dockbox');
  const statuses = new Map(rows.map(({ id, status }) => [id, status]));
  for (const { id, name } of here) {
    if (statuses.get(id) !== 'ready') ledger.violation(`${name} is ${statuses.get(id) ?? 'lost'}`);
  }
  for (const id of await workspaces(world)) {
    if (!ids.has(id)) ledger.violation(`the workspace ${id} belongs to nobody`);
  }
  for (const { Labels, Names } of await notKept(world)) {
    if (!ids.has(Labels['dockbox.id'] ?? '')) ledger.violation(`the container ${Names[0]} belongs to nobody`);
  }
  for (const box of here) await compareFiles(world, ledger, box);
  ledger.count(
    'files compared',
    here.reduce((sum, { files }) => sum + files.size, 0),
  );

  const sample = random.shuffled(here).slice(0, 5);
  for (const box of sample) {
    const terminal = await open(world, random, box);
    await terminal.run('cat /workspace/README', new RegExp(box.readme.trim()));
    await terminal.close();
  }
}

async function compareFiles({ mountPoint }: World, ledger: Ledger, { id, name, readme, files }: Box) {
  const read = (file: string) => readFile(path.join(mountPoint, id, file), 'utf8').catch(() => undefined);
  if ((await read('README')) !== readme) ledger.violation(`${name} has lost its source`);
  for (const [file, { content, doubts }] of files) {
    const found = await read(file);
    const expected =
      found === content || (found !== undefined && (doubts.has(found) || (found === '' && doubts.size > 0)));
    if (!expected) ledger.violation(`${file} of ${name} is ${found}, where ${content} was written`);
  }
}

/** In boxes that somebody else stays in, whoever goes leaves no process behind, however they go. */
async function leaveInEveryWay({ world, ledger, random }: Scene): Promise<void> {
  const boxes = ledger.boxes.filter(({ state }) => state === 'here').slice(0, 3);
  await Promise.all(
    boxes.map(async (box) => {
      const stays = await open(world, random, box);
      let before: string[] = [];
      // What the visit before this one ran is being put away.
      await hasCome(async () => {
        before = await processes(world, box);
        return !before.includes('sleep');
      });
      const goes = await Promise.all([1, 2, 3, 4].map(() => open(world, random, box)));
      for (const terminal of goes) await terminal.run('sleep 1000 & echo "<$((6*7))>"', /<42>/);
      const [closes, exits, cut, silent] = goes as [Terminal, Terminal, Terminal, Terminal];
      cut.cut();
      await Promise.all([closes.close(), exits.exit(), silent.fallSilent(TIMES.ping * 4000)]);
      let after: string[] = [];
      const gone = await hasCome(async () => {
        after = await processes(world, box);
        return without(after, before).length === 0;
      });
      if (!gone) {
        ledger.violation(
          `in ${box.name} ran ${before.join(', ')}; and after its clients had gone ${after.join(', ')}`,
        );
      }
      await stays.run('echo "<$((6*7))>"', /<42>/);
      await stays.close();
    }),
  );
}

/** Looks again and again for as long as a hang-up may take. */
async function hasCome(look: () => Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + HANG_UP_MS;
  while (!(await look())) {
    if (performance.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

async function open({ replicas }: World, random: Random, { id }: Box): Promise<Terminal> {
  return Terminal.open(random.pick(replicas) as World['replicas'][number], id, `1${random.hex(4)}`);
}

async function processes({ daemon }: World, { id, name }: Box): Promise<string[]> {
  const [container] = await daemon.docker.listContainers({ filters: { label: [`dockbox.id=${id}`] } });
  if (!container) throw new Error(`${name} does not run.`);
  const { Processes } = await daemon.docker.getContainer(container.Id).top({ ps_args: '-eo pid,comm' });
  return Processes.map(([, command]: string[]) => command ?? '').sort();
}

async function deleteAll({ world, ledger }: Scene): Promise<void> {
  for (const box of ledger.boxes.filter(({ state }) => state !== 'deleted')) {
    await remove(world, ledger, box.id);
    box.state = 'deleted';
  }
}

async function remove({ replicas }: World, ledger: Ledger, id: string): Promise<void> {
  const [replica] = replicas as [World['replicas'][number]];
  const answer = await ask(replica, ledger, { method: 'DELETE', path: `/v1/dockbox/${id}` });
  if (answer?.status !== 204) ledger.violation(`deleting ${id} was answered with ${answer?.status}`);
}

/** What is there once every box has been deleted. */
async function remains(world: World): Promise<string[]> {
  const { daemon, pool } = world;
  const containers = await notKept(world);
  const ready = new Set((await daemon.docker.listContainers()).map(({ Id }) => Id));
  const services = ON_SWARM ? await daemon.docker.listServices() : [];
  const { Volumes } = await daemon.docker.listVolumes();
  const { rows } = await pool.query<{ id: string }>(
    'select id from dockbox union all select id from connection',
  );
  const running = new Set(['sh', 'cat', 'dockerd', 'containerd', ...LEFT_BY_ENGINE]);
  const lost = new Set([...(await daemon.log()).matchAll(LOST_BY_ENGINE)].map(([, container]) => container));
  return [
    ...(await workspaces(world)).map((id) => `the workspace ${id} is left`),
    ...containers.map(({ Names }) => `the container ${Names[0]} is left`),
    ...services.map(({ ID, Spec }) => `the service ${Spec?.Name ?? ID} is left`),
    ...Volumes.filter(({ Name }) => !Name.startsWith('dockbox-tools-')).map(
      ({ Name }) => `the volume ${Name} is left`,
    ),
    ...rows.map(({ id }) => `the row ${id} is left`),
    ...(await daemon.processes())
      .filter(({ name, container }) => !running.has(name) && !(container && ready.has(container)))
      .filter(({ name, container }) => !(lost.has(container) && FIRST_PROCESSES.includes(name)))
      .map(
        ({ name, container }) => `${name} is running${container ? `, in the container ${container}` : ''}`,
      ),
  ];
}

/** The mount point's directories, but for what dockbox itself notes there. */
async function workspaces({ mountPoint, pool }: World): Promise<string[]> {
  const names = await readdir(mountPoint);
  const ids = await prepared(pool);
  return names.filter((name) => !name.startsWith('.') && !ids.has(name));
}

async function endServers({ world, ledger }: Scene): Promise<void> {
  const codes = await Promise.all(world.replicas.map((replica) => replica.end('SIGTERM')));
  for (const code of codes) if (code !== 0) ledger.violation(`a server ended with ${code} on SIGTERM`);
  const { rowCount } = await world.pool.query('select from replica');
  if (rowCount) ledger.violation(`${rowCount} servers that have ended are on the list`);
  for (const id of await prepared(world.pool)) ledger.violation(`${id} is still prepared for`);
  for (const complaint of await remains(world)) ledger.violation(`after the last server, ${complaint}`);
}

/** What is in a list and not in another, as often as that is so. What puts away a visit may itself have been seen running. */
function without(list: string[], other: string[]): string[] {
  const left = [...other];
  return list.filter((item) => {
    const index = left.indexOf(item);
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
}
