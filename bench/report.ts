import { writeFile } from 'node:fs/promises';
import os from 'node:os';
import type { Figure } from './figures.js';

const HEAD = ['what', 'unit', 'floor', 'dockbox', 'ratio', 'target', ''];

/** The figures as a table for people, in Markdown, so that it can be pasted. */
export function table(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const { what, unit, floor, dockbox, ratio, target } = figure;
    const isMet = target && (target.isMet(figure) ? 'met' : 'MISSED');
    return [
      what,
      unit,
      floor === undefined ? '' : number(floor),
      number(dockbox),
      ratio === undefined ? '' : `${ratio.toFixed(2)}x`,
      target?.text ?? '',
      isMet ?? '',
    ];
  });
  const widths = HEAD.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: string[]) =>
    `| ${cells.map((cell, column) => (isNumeric(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (isNumeric(column) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width))).join(' | ')} |`;
  return [line(HEAD), rule, ...rows.map(line)].join('\n');
}

const isNumeric = (column: number) => column >= 2 && column <= 4;

/** Three digits that count. */
const number = (value: number) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

/** Where the figures were taken, in a line, with what else the machine had to do. */
export function machine(engineVersion: string): string {
  const cpus = os.cpus();
  const memory = Math.round(os.totalmem() / 1024 ** 3);
  const load = os.loadavg()[0]?.toFixed(1);
  return `${cpus.length} cores (${cpus[0]?.model.trim()}), ${memory} GB, load ${load}, Docker engine ${engineVersion}, Node ${process.versions.node}`;
}

/** The figures as JSON, for whoever compares runs. */
export async function writeJson(file: string, where: string, figures: readonly Figure[]): Promise<void> {
  const rows = figures.map(({ target, ...figure }) => ({
    ...figure,
    ...(target && { target: target.text, met: target.isMet({ target, ...figure }) }),
  }));
  await writeFile(file, `${JSON.stringify({ machine: where, figures: rows }, null, 2)}\n`);
}
