import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { GENERATION_FILE } from './fence.js';

/** The directory below the mount point that has boxes' generations; no box's own, as its name is not an id. */
const DIRECTORY = '.generations';

/** How often a directory is tried to be removed into which somebody writes. */
const REMOVE_TRIES = 10;

/** Which generation of each box may run, in files on the file system that servers and nodes share. */
export class Generations {
  readonly #root: string;

  /** @param mountPoint absolute, and the same on every node */
  constructor(mountPoint: string) {
    this.#root = path.join(mountPoint, DIRECTORY);
  }

  /** The absolute directory that a box's containers see. */
  directory(boxId: string): string {
    return path.join(this.#root, boxId);
  }

  /** A new box's generation. Of several servers that begin at the same time all have the same. */
  async begin(boxId: string): Promise<number> {
    // A number that the box has not had before it was taken away, should it be made again.
    await this.#put(boxId, Date.now(), async (temporary, file) => {
      await link(temporary, file).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
      await rm(temporary);
    });
    return (await this.current(boxId)) ?? this.begin(boxId);
  }

  /** The generation that may run; undefined when there is none. */
  async current(boxId: string): Promise<number | undefined> {
    const text = await readFile(this.#file(boxId), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    return text === undefined ? undefined : Number(text);
  }

  /** Lets another generation run, and none else. */
  async replace(boxId: string, generation: number): Promise<void> {
    await this.#put(boxId, generation, rename);
  }

  /** Lets none run any more. */
  async remove(boxId: string): Promise<void> {
    // Another server that is about to start the box may be writing into it.
    await rm(this.directory(boxId), {
      recursive: true,
      force: true,
      maxRetries: REMOVE_TRIES,
      retryDelay: 10,
    });
  }

  #file(boxId: string): string {
    return path.join(this.directory(boxId), GENERATION_FILE);
  }

  /** Who reads it finds either what was there before or all of the new. */
  async #put(
    boxId: string,
    generation: number,
    put: (temporary: string, file: string) => Promise<void>,
  ): Promise<void> {
    const temporary = path.join(this.directory(boxId), randomUUID());
    try {
      await mkdir(this.directory(boxId), { recursive: true, mode: 0o755 });
      await writeFile(temporary, `${generation}\n`, { mode: 0o644 });
      await put(temporary, this.#file(boxId));
    } catch (error) {
      // The box is being deleted by another server: whoever starts it finds out when it runs.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await this.#put(boxId, generation, put);
    }
  }
}
