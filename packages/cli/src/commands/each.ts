import { CommandError } from '../errors.js';
import { printable } from '../output.js';

/** Does something to each box, also after one for which it fails. @returns the exit status */
export async function toEach(boxes: string[], work: (id: string) => Promise<unknown>): Promise<number> {
  let status = 0;
  for (const id of boxes) {
    try {
      await work(id);
      process.stdout.write(`${id}\n`);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      process.stderr.write(`dockbox: ${printable(error.message)}\n`);
      status = error.status;
    }
  }
  return status;
}
