import { inTerminal, type Measure, openBare, openBox } from '../bench.js';
import { alternate, compare } from '../figures.js';
import { shows, type Terminal } from '../terminal.js';

const MB = 1e6;
const PASTE_BYTES = 16 * MB;
const CHUNK = Buffer.alloc(64_000, 'x');

/** Paste: how fast a program reads what a client sends without pause. */
export const paste: Measure = async (bench) => {
  const { rounds, scale } = bench.options;
  const bytes = PASTE_BYTES * scale;
  const samples = await alternate(
    rounds,
    () => inTerminal(openBare(bench), (terminal) => throughput(terminal, bytes)),
    () => inTerminal(openBox(bench), (terminal) => throughput(terminal, bytes)),
  );
  return [compare('paste', 'MB/s', samples)];
};

/** Types so many bytes. @returns MB/s, from the first byte to the reader's word that it has the last */
async function throughput(terminal: Terminal, bytes: number): Promise<number> {
  const ready = shows(terminal, /ready/);
  terminal.write(`stty raw -echo; echo rea""dy; head -c ${bytes} | wc -c; exit\r`);
  await ready;
  const counted = shows(terminal, new RegExp(`^${bytes}`, 'm'));
  const start = performance.now();
  for (let sent = 0; sent < bytes; sent += CHUNK.length) {
    if (!terminal.write(CHUNK)) await terminal.drained();
  }
  await counted;
  return bytes / MB / ((performance.now() - start) / 1000);
}
