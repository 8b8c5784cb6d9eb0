import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, ask, backOff } from './http.js';
import { judge } from './judge.js';
import { type Box, FAULTS, type File, type Ledger } from './ledger.js';
import type { Random } from './random.js';
import { Ended, Terminal } from './terminal.js';
import { TIMES, type World } from './world.js';

/** How many attempts a client makes before it says that it is kept out, with back-off some 20 s apart from the first. */
const ATTEMPTS = 60;

/** What may end a fetch, and how long after that it is answered at the latest, in ms. */
const FETCH_FAULTS = [...FAULTS.box, ...FAULTS.engine];
const HURT_MS = 15_000;

type Options = { name: string; world: World; ledger: Ledger; random: Random; boxes: number };

/** Somebody who makes boxes, works in them, and leaves as people do. */
export class Client {
  readonly #options: Options;
  #made = 0;
  #sessions = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Lives until the signal comes, then leaves. */
  async live(signal: AbortSignal): Promise<void> {
    const { ledger, random, boxes } = this.#options;
    while (!signal.aborted) {
      const here = ledger.boxes.filter(({ state }) => state === 'here');
      const box = random.pick(here);
      const chance = random.next();
      if (!box || (here.length < boxes && chance < 0.4)) await this.#create(signal);
      else if (chance > 0.96) await this.#stop(box);
      else if (chance > 0.9 && here.length > boxes / 2) await this.#delete(box);
      else await this.#work(box, signal);
    }
  }

  #ask(method: string, path: string, body?: object): Promise<Answer | undefined> {
    const { world, ledger, random } = this.#options;
    return ask(random.pick(world.replicas) as World['replicas'][number], ledger, {
      method,
      path,
      ...(body && { body, headers: { prefer: `wait=${Math.floor(random.between(0, 20))}` } }),
    });
  }

  /** Asks until there is a box of this name, or it is certain that there is none. */
  async #create(signal: AbortSignal): Promise<void> {
    const { name: client, world, ledger, random } = this.#options;
    this.#made += 1;
    const name = `${client}-${this.#made}`;
    const source = random.pick(world.sources) as World['sources'][number];
    ledger.inDoubt.add(name);
    let acknowledged = false;
    for (let attempt = 0; !acknowledged; attempt += 1) {
      if (signal.aborted && attempt > 0) return;
      const answer = await this.#ask('POST', '/v1/dockbox', { url: source.url, name });
      // The fetch's container was taken from under it.
      const hurt = answer?.status === 422 && ledger.explains(FETCH_FAULTS, undefined, HURT_MS);
      if (answer && !hurt && ![201, 202, 409, 503].includes(answer.status)) {
        return ledger.violation(`${name} was answered with ${answer.status}: ${JSON.stringify(answer.body)}`);
      }
      acknowledged = answer?.status === 201 || answer?.status === 202;
      // An attempt whose answer was lost has made it, or is about to.
      if (answer?.status === 409) break;
      if (!acknowledged) await backOff(attempt, random);
    }
    await this.#await(name, source.readme, acknowledged);
  }

  async #await(name: string, readme: string, acknowledged: boolean): Promise<void> {
    const { ledger, random } = this.#options;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const answer = await this.#ask('GET', `/v1/dockbox/${name}`);
      const { status, id } = answer?.body ?? {};
      if (answer?.status === 404) {
        ledger.inDoubt.delete(name);
        if (acknowledged) ledger.violation(`${name} was acknowledged, and is not there`);
        return;
      }
      if (status === 'ready') {
        ledger.inDoubt.delete(name);
        ledger.count('creates');
        ledger.boxes.push({ id, name, readme, files: new Map(), stopping: 0, state: 'here' });
        return;
      }
      if (status === 'failed') {
        ledger.count('creates that failed');
        await this.#ask('DELETE', `/v1/dockbox/${name}`);
        return;
      }
      await backOff(Math.min(attempt, 3), random);
    }
  }

  async #stop(box: Box): Promise<void> {
    const { ledger } = this.#options;
    box.stopping = Number.POSITIVE_INFINITY;
    await this.#ask('POST', `/v1/dockbox/${box.id}/stop`);
    box.stopping = performance.now();
    ledger.count('stops');
  }

  async #delete(box: Box): Promise<void> {
    const { ledger, random } = this.#options;
    if (box.state !== 'here') return;
    box.state = 'deleting';
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const answer = await this.#ask('DELETE', `/v1/dockbox/${box.id}`);
      if (answer?.status === 204 || answer?.status === 404) {
        box.state = 'deleted';
        ledger.count('deletes');
        return;
      }
      await backOff(attempt, random);
    }
    ledger.violation(`${box.name} could not be deleted`);
  }

  /** Comes, works for a while, coming back whenever it is cut off, and leaves. */
  async #work(box: Box, signal: AbortSignal): Promise<void> {
    const { ledger, name, random } = this.#options;
    let wantedAt = performance.now();
    let cutOff = false;
    for (let attempt = 0; attempt < ATTEMPTS && box.state === 'here'; attempt += 1) {
      const replica = random.pick(this.#options.world.replicas) as World['replicas'][number];
      let terminal: Terminal | undefined;
      try {
        // Everybody's own: whoever exits from a held terminal ends it for all who are in it.
        const held = random.next() < 0.5 ? name : '';
        terminal = await Terminal.open(replica, box.id, `1${random.hex(4)}`, held);
        (cutOff ? ledger.outageMs : ledger.connectMs).push(performance.now() - wantedAt);
        ledger.count(cutOff ? 'reconnects' : 'connects');
        attempt = 0;
        await this.#type(terminal, box, signal);
        return await this.#leave(terminal, box);
      } catch (error) {
        terminal?.cut();
        if (!(error instanceof Ended)) throw error;
        ledger.count(
          `${error.code < 1000 ? 'handshakes refused with' : 'terminals closed with'} ${error.code}`,
        );
        const wrong = judge(ledger, box, replica, error);
        if (wrong) ledger.violation(wrong);
        if (terminal) {
          cutOff = true;
          wantedAt = performance.now();
        }
      }
      if (signal.aborted) return;
      await backOff(attempt, random);
    }
    if (box.state === 'here') ledger.violation(`${box.name} was not to be had in ${ATTEMPTS} attempts`);
  }

  /** Writes a file of its own again and again, reads it back, and at times does nothing for longer than the idle time. */
  async #type(terminal: Terminal, box: Box, signal: AbortSignal): Promise<void> {
    const { name, ledger, random } = this.#options;
    this.#sessions += 1;
    const path = `${name}-${this.#sessions}`;
    const file: File = { doubts: new Set() };
    box.files.set(path, file);
    const rounds = random.between(1, 8);
    for (let round = 0; round < rounds && !signal.aborted; round += 1) {
      const content = random.hex(8);
      const line = `printf %s ${content} >/workspace/${path} && echo "<$(cat /workspace/${path})>"`;
      file.doubts.add(content);
      await terminal.run(line, new RegExp(`<${content}>`));
      file.content = content;
      file.doubts.clear();
      ledger.count('files written and read back');
      ledger.count('keystrokes', line.length + 1);
      await terminal.rest(random.next() < 0.15 ? TIMES.idle * 1500 : random.between(50, 800));
    }
  }

  async #leave(terminal: Terminal, box: Box): Promise<void> {
    const { ledger, random } = this.#options;
    const way = random.pick(['close', 'exit', 'cut', 'silence']);
    ledger.count(`left by ${way}`);
    if (way === 'close') await Promise.race([terminal.close(), delay(TIMES.ping * 4000)]);
    else if (way === 'exit') {
      const { code, reason } = await terminal.exit();
      const wrong = code !== 1000 && judge(ledger, box, terminal.replica, new Ended(code, reason));
      if (wrong) ledger.violation(wrong);
    } else if (way === 'silence') await terminal.fallSilent(TIMES.ping * 4000);
    terminal.cut();
  }
}
