import { inTerminal, type Measure, openBare, openBox } from '../bench.js';
import { alternate, atLeastTimes, compare } from '../figures.js';
import { shows, type Terminal } from '../terminal.js';

const MB = 1e6;
export const OUTPUT_BYTES = 64 * MB;

/** Output: how fast a client gets what a program writes to the TTY without pause. */
export const output: Measure = async (bench) => {
  const { rounds, scale } = bench.options;
  const bytes = OUTPUT_BYTES * scale;
  const samples = await alternate(
    rounds,
    () => inTerminal(openBare(bench), (terminal) => throughput(terminal, bytes)),
    () => inTerminal(openBox(bench), (terminal) => throughput(terminal, bytes)),
  );
  return [compare('output', 'MB/s', samples, atLeastTimes(0.95))];
};

/** Has the terminal show so many bytes. @returns MB/s, from the key that starts it to the last byte */
export async function throughput(terminal: Terminal, bytes: number): Promise<number> {
  await prepareOutput(terminal, bytes);
  const start = performance.now();
  await receive(terminal, bytes);
  return bytes / MB / ((performance.now() - start) / 1000);
}

/** Makes the shell ready to show so many bytes when the next key is typed. */
export async function prepareOutput(terminal: Terminal, bytes: number): Promise<void> {
  const ready = shows(terminal, /ready/);
  const produce = `head -c ${bytes} /dev/zero | tr "\\\\0" x`;
  terminal.write(`stty raw -echo; echo rea""dy; head -c 1 >/dev/null; ${produce}; exit\r`);
  await ready;
}

/** Types a key and takes so many bytes. @param onProgress gets how many have come */
export function receive(
  terminal: Terminal,
  bytes: number,
  onProgress?: (received: number) => void,
): Promise<void> {
  let received = 0;
  return new Promise((resolve) => {
    terminal.onOutput = (chunk) => {
      received += chunk.length;
      if (received >= bytes) resolve();
      onProgress?.(received);
    };
    terminal.write(' ');
  });
}
