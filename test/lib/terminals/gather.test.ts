import t from 'tap';
import { Gather } from '../../../lib/terminals/gather.js';

const FULL_BYTES = 64 * 1024;

function gathering() {
  const frames: Buffer[] = [];
  const gather = new Gather((output) => frames.push(output));
  return { gather, frames, text: () => Buffer.concat(frames).toString() };
}

/** Has so much been written that more of it waits. */
function flood(gather: Gather): string {
  const written = Array.from({ length: 20 }, (_, number) => `${number} `);
  for (const text of written) gather.push(Buffer.from(text));
  return written.join('');
}

t.test('the first output goes out at once', async (t) => {
  const { gather, frames } = gathering();
  gather.push(Buffer.from('\x1b[?2004h'));
  gather.push(Buffer.from('$ '));
  t.same(frames.map(String), ['\x1b[?2004h', '$ ']);
});

t.test('what a program writes without pause is joined, in order', async (t) => {
  const { gather, frames, text } = gathering();
  const lines = Array.from({ length: 1000 }, (_, number) => `line ${number}\n`);
  for (const line of lines) gather.push(Buffer.from(line));
  gather.flush();
  t.equal(text(), lines.join(''));
  t.ok(frames.length < 100, `${frames.length} frames`);
});

t.test('the rest of it does not wait for more that never comes', async (t) => {
  const written = 'the first of it, and the rest';
  const shown = await new Promise<string>((resolve) => {
    let text = '';
    const gather = new Gather((output) => {
      text += output;
      if (text.length === written.length) resolve(text);
    });
    for (const character of written) gather.push(Buffer.from(character));
  });
  t.equal(shown, written);
});

t.test('the answer to what was typed goes out at once, after all that came before', async (t) => {
  const { gather, text } = gathering();
  const before = flood(gather);
  gather.typed();
  gather.push(Buffer.from('k'));
  t.equal(text(), `${before}k`);
});

t.test('a full frame goes out at once', async (t) => {
  const { gather, text } = gathering();
  const before = flood(gather);
  gather.push(Buffer.alloc(FULL_BYTES, 'a'));
  t.equal(text().length, before.length + FULL_BYTES);
});
