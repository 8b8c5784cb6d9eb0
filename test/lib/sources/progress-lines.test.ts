import t from 'tap';
import { ProgressLines } from '../../../lib/sources/progress-lines.js';

function linesOf(...chunks: (string | Buffer)[]) {
  const lines: string[] = [];
  const progress = new ProgressLines((line) => lines.push(line));
  for (const chunk of chunks) progress.write(Buffer.from(chunk));
  progress.end();
  return { lines, last: progress.last };
}

t.test('puts lines together', async (t) => {
  t.same(linesOf('one\ntw', 'o\r\n\nthree').lines, ['one', 'two', 'three']);
  const accent = Buffer.from('é\n');
  t.same(linesOf(accent.subarray(0, 1), accent.subarray(1)).lines, ['é']);
});

t.test('shows one of many rewritten lines, and how it ends', async (t) => {
  const { lines, last } = linesOf('Receiving: 1%\rReceiving: 2%\rReceiving: 3%\rReceiving: 100%, done.\n');
  t.same(lines, ['Receiving: 1%', 'Receiving: 100%, done.']);
  t.equal(last, 'Receiving: 100%, done.');
});

t.test('takes out what a terminal would obey', async (t) => {
  const { lines } = linesOf('\u001b[31mred\u001b[0m\u0007 \u001b]0;title\u0007\u009b2Jx\u0000\u202ey\n');
  t.equal(lines.length, 1);
  t.notMatch(lines[0], /[\p{Cc}\p{Cf}]/u);
  t.match(lines[0], /^red .*xy$/);
});

t.test('is bounded', async (t) => {
  t.equal(linesOf('x'.repeat(100_000)).lines[0]?.length, 400);
  t.equal(linesOf('x\n'.repeat(10_000)).lines.length, 2000);
});
