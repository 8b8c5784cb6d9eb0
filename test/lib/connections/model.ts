import type { Lease } from '../../../lib/connections/manager.js';
import type { Replica } from '../../helpers/replicas.js';

/** IDLE_TIMEOUT_SECONDS of the model's deployment. */
export const IDLE_TIMEOUT_SECONDS = 60;

/** A new replica of the model. */
export const starting = (replica: Replica): ModelReplica => ({
  replica,
  paused: false,
  row: 'fresh',
  justBack: false,
  leases: [],
});

/** A box as its row should be. */
export type ModelBox = {
  id: string;
  running: boolean;
  /** What its idle clock shows, in seconds; null while it does not run. */
  idle: number | null;
};

/** A connection that its replica holds; counted unless the replica was taken for dead since. */
export type ModelLease = { lease: Lease; box: ModelBox; counted: boolean };

export type ModelReplica = {
  replica: Replica;
  /** A paused process does nothing, and does not know it. */
  paused: boolean;
  /** Its row: `old` when its heart has not beaten for too long, `gone` when a sweep saw that. */
  row: 'fresh' | 'old' | 'gone';
  /** Its heart beats again since a moment ago: it leaves others the time to say that they live, too. */
  justBack: boolean;
  leases: ModelLease[];
};

/** What the database should hold, told in the plainest way: one thing happens at a time, and no row is locked. */
export class Model {
  boxes: ModelBox[] = [];
  replicas: ModelReplica[] = [];
  /** Replicas whose process is gone; their rows may still be there. */
  dead: ModelReplica[] = [];

  /** The connections that count. */
  counted(box?: ModelBox): ModelLease[] {
    const leases = [...this.replicas, ...this.dead].flatMap((replica) => replica.leases);
    return leases.filter((lease) => lease.counted && (!box || lease.box === box));
  }

  acquire(replica: ModelReplica, box: ModelBox, lease: Lease): void {
    if (replica.row === 'gone') this.register(replica);
    replica.leases.push({ lease, box, counted: true });
    this.#connected(box);
  }

  release(replica: ModelReplica, lease: ModelLease): void {
    replica.leases.splice(replica.leases.indexOf(lease), 1);
    if (lease.box.running && this.counted(lease.box).length === 0) lease.box.idle ??= 0;
  }

  heartbeat(replica: ModelReplica): void {
    if (replica.row === 'gone') this.register(replica);
    if (replica.row === 'old') replica.justBack = true;
    replica.row = 'fresh';
  }

  /** A replica that has no row makes itself known, with the connections that it holds. */
  register(replica: ModelReplica): void {
    replica.row = 'fresh';
    replica.justBack = false;
    for (const lease of replica.leases) {
      if (!this.boxes.includes(lease.box)) continue;
      lease.counted = true;
      this.#connected(lease.box);
    }
  }

  /** Those that a replica in touch takes for dead go, with their connections; then idle clocks start and run out. */
  sweep({ row, justBack }: ModelReplica): void {
    const silent = [...this.replicas, ...this.dead].filter((replica) => replica.row === 'old');
    for (const replica of row === 'fresh' && !justBack ? silent : []) {
      replica.row = 'gone';
      for (const lease of replica.leases) lease.counted = false;
    }
    const unused = this.boxes.filter((box) => box.running && this.counted(box).length === 0);
    for (const box of unused) {
      box.idle ??= 0;
      if (box.idle >= IDLE_TIMEOUT_SECONDS) this.stop(box);
    }
  }

  stop(box: ModelBox): void {
    box.running = false;
    box.idle = null;
  }

  delete(box: ModelBox): void {
    this.boxes.splice(this.boxes.indexOf(box), 1);
    for (const lease of this.counted(box)) lease.counted = false;
  }

  pass(seconds: number): void {
    for (const box of this.boxes) if (box.idle !== null) box.idle += seconds;
    for (const replica of this.replicas) replica.justBack = false;
  }

  #connected(box: ModelBox): void {
    box.running = true;
    box.idle = null;
  }
}
