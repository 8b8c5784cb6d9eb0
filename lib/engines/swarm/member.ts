import type Docker from 'dockerode';
import { disconnectDocker, silence } from '../../docker.js';
import { type Listed, nodeId } from './listed.js';
import type { SwarmNode } from './nodes-port.js';

/** How long an engine may take to answer a ping, in ms. */
export const PING_TIMEOUT_MS = 2000;

/** A node that has been silent for so long loses its connections, in ms: streams on them would hang for ever. */
const SILENCE_MS = 15_000;

/** A node of the swarm with its own engine, and what this server has found out about it. */
export class Member implements SwarmNode {
  readonly id: string;
  readonly address: string;
  readonly docker: Docker;
  /** What the manager said last. */
  listed: Listed;
  /** Whether its engine answered when it was last asked. */
  answering = false;
  /** Why it did not. */
  silence: Error | undefined;
  /** When it passed its check, as `performance.now()` has it; undefined while it has to be checked. */
  passedAt: number | undefined;
  /** When a check last began, and whether one is at work. */
  checkedAt = Number.NEGATIVE_INFINITY;
  checking = false;
  /** The volume with boxes' tools that it has. */
  tools: string | undefined;
  /** What was told to be wrong with it. */
  told: string | undefined;
  /** What was told of why it does not answer, since it last did. */
  readonly reasons = new Set<string>();
  /** Whether it was ready when that was last told. */
  used = false;
  #answeredAt = performance.now();
  #watching: AbortController | undefined;

  constructor(listed: Listed, address: string, docker: Docker) {
    this.id = listed.id;
    this.listed = listed;
    this.address = address;
    this.docker = docker;
  }

  get hostname(): string {
    return this.listed.hostname;
  }

  /** Whether boxes may run on it, as far as is known. */
  get ready(): boolean {
    return this.listed.active && this.answering && this.passedAt !== undefined;
  }

  /** Which run of its engine this is, as far as was noticed: what was found out in another does not count. */
  get run(): unknown {
    return this.#watching;
  }

  /** Asks its engine whether it lives. */
  async ping(): Promise<void> {
    this.silence = await silence(this.docker, PING_TIMEOUT_MS);
    this.answering = this.silence === undefined;
    if (this.answering) {
      this.#answeredAt = performance.now();
      if (!this.#watching) await this.#watch();
    } else if (performance.now() - this.#answeredAt > SILENCE_MS) {
      disconnectDocker(this.docker);
    }
  }

  close(): void {
    disconnectDocker(this.docker);
  }

  /**
   * Listens to its engine, of which it hears nothing but the end: an engine that is restarted within a moment may have been
   * given other settings, and other containers.
   */
  async #watch(): Promise<void> {
    const watching = new AbortController();
    const late = setTimeout(() => watching.abort(), PING_TIMEOUT_MS);
    // The types know neither this type of event nor that it can be given up.
    const options = { filters: { type: ['daemon'] }, abortSignal: watching.signal } as object;
    try {
      if ((await nodeId(this.docker, PING_TIMEOUT_MS)) !== this.id)
        throw new Error('the engine there is not that of this node');
      const events = await this.docker.getEvents(options);
      const ended = () => {
        if (this.#watching !== watching) return;
        this.#watching = undefined;
        this.passedAt = undefined;
        // What is to be known of it now can't wait.
        this.checkedAt = Number.NEGATIVE_INFINITY;
      };
      events.on('error', ended).on('close', ended).resume();
      this.#watching = watching;
    } catch (error) {
      // It is asked again in a moment, and is not ready until then.
      this.answering = false;
      this.silence = error as Error;
    } finally {
      clearTimeout(late);
    }
  }
}
