import { StringDecoder } from 'node:string_decoder';
import type { SourceFile } from '../images/languages.js';

/** The listing of files ends where it has so many, or its text is so long. */
const MAX_FILES = 100_000;
const MAX_LENGTH = 8 * 1024 ** 2;

/** What the scripts of a fetch write: NUL-ended records of a kind and a value. */
export class Records {
  readonly files: SourceFile[] = [];
  commit: string | undefined;
  devcontainer: string | undefined;
  root: string | undefined;
  truncated = false;
  /** Whether this is all that there is, and it was read to its end. */
  ended = false;
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';
  #length = 0;

  write(chunk: Buffer): void {
    this.#length += chunk.length;
    if (this.truncated || this.#length > MAX_LENGTH || this.files.length > MAX_FILES) {
      this.truncated = true;
      return;
    }
    const records = (this.#rest + this.#decoder.write(chunk)).split('\0');
    this.#rest = records.pop() ?? '';
    for (const record of records) this.#read(record);
  }

  #read(record: string): void {
    const space = record.indexOf(' ');
    const value = record.slice(space + 1);
    switch (record.slice(0, space)) {
      case 'commit':
        this.commit = value;
        break;
      case 'root':
        this.root = value;
        break;
      case 'devcontainer':
        this.devcontainer = value;
        break;
      case 'end':
        this.ended = true;
        break;
      case 'file': {
        const [, bytes, path] = /^(\d+) \/workspace\/(.*)$/s.exec(value) ?? [];
        if (path !== undefined) this.files.push({ path, bytes: Number(bytes) });
        break;
      }
    }
  }
}
