import type { WriteStream } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Relay } from '../test/helpers/relay.js';
import { launchServer, type Server } from '../test/helpers/server.js';
import type { Ledger } from './ledger.js';

/** Between two starts of a server that does not come up, such as while its database is away, in ms. */
const RESTART_MS = 500;

/** Of what it printed at last, how many lines are kept. */
const LAST_LINES = 15;

type Options = {
  name: string;
  env: NodeJS.ProcessEnv;
  /** What it reaches its database and its engine through. */
  lines: { database: Relay; engine: Relay };
  log: WriteStream;
  ledger: Ledger;
};

/** One of the servers behind the load balancer, with whoever starts it again. */
export class Replica {
  readonly name: string;
  readonly lines: Options['lines'];
  readonly #options: Options;
  #server: Server | undefined;
  #base = 'http://127.0.0.1:9';
  #lastLines: string[] = [];

  constructor(options: Options) {
    this.#options = options;
    this.name = options.name;
    this.lines = options.lines;
  }

  /** Where it listens, or did last. */
  get base(): string {
    return this.#base;
  }

  /** What it printed at last, its log included. */
  get lastWords(): string {
    return this.#lastLines.join('\n');
  }

  get runs(): boolean {
    return this.#server?.runs ?? false;
  }

  /** Starts it, again and again until it listens. */
  async start(): Promise<void> {
    const { env, log } = this.#options;
    for (;;) {
      try {
        this.#server = await launchServer(env, (line) => this.#read(line));
        this.#base = this.#server.base;
        return;
      } catch (error) {
        log.write(`${(error as Error).message}\n`);
        this.#options.ledger.count('starts that failed');
        await delay(RESTART_MS);
      }
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#server?.signal(signal);
  }

  /** Ends it. @returns its exit code, or the signal that ended it */
  async end(signal: NodeJS.Signals): Promise<number | string> {
    return (await this.#server?.end(signal)) ?? '';
  }

  /** What a server logs as an error of its own is worth a figure. */
  #read(line: string): void {
    const { log, ledger } = this.#options;
    log.write(`${line}\n`);
    this.#lastLines = [...this.#lastLines, line].slice(-LAST_LINES);
    if (/^\{"level":[56]0/.test(line)) ledger.count('errors in logs');
  }
}
