import { styleText } from 'node:util';

/** What others wrote, such as a source's address, without what would steer a terminal. */
export const printable = (text: string) => text.replace(/[\p{Cc}\p{Cf}]/gu, '\ufffd');

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** A text in a colour, where colours are wanted (https://no-color.org). */
export function coloured(colour: Parameters<typeof styleText>[0], text: string): string {
  return process.stdout.isTTY && !process.env.NO_COLOR ? styleText(colour, text) : text;
}

/** Prints rows in columns that are as wide as their widest text. @param colours of the columns that have one */
export function printTable(
  rows: string[][],
  paint: (text: string, row: number, column: number) => string,
): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((cells, row) =>
    cells
      .map((cell, column) => {
        const blanks = column === cells.length - 1 ? '' : ' '.repeat((widths[column] ?? 0) - cell.length + 2);
        return paint(cell, row, column) + blanks;
      })
      .join(''),
  );
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** A time ago, as people say it. */
export function ago(time: string, now = Date.now()): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(time)) / 1000));
  const units: [name: string, seconds: number][] = [
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
    ['second', 1],
  ];
  const [name, length] = units.find(([, length]) => seconds >= length) ?? ['second', 1];
  const count = Math.floor(seconds / length);
  return `${count} ${name}${count === 1 ? '' : 's'} ago`;
}

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 100;

/** Shows a person that work is being done, while it is; nothing where nobody sees it. */
export async function spinning<Result>(title: string, work: () => Promise<Result>): Promise<Result> {
  const { stderr, env } = process;
  if (!stderr.isTTY || env.TERM === 'dumb') return work();
  let frame = 0;
  const draw = () => {
    stderr.write(`\r${FRAMES[frame % FRAMES.length]} ${title}\x1b[K`);
    frame += 1;
  };
  draw();
  const timer = setInterval(draw, FRAME_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    stderr.write('\r\x1b[K');
  }
}
