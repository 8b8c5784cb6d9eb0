import t from 'tap';
import { startApp } from '../../helpers/app.js';
import { tarGz } from '../../helpers/archives.js';
import { createBox } from '../../helpers/box.js';
import { makeCli } from '../../helpers/cli.js';
import { serve, startHttpServer } from '../../helpers/http-server.js';

t.test('what is piped in runs in a box', async (t) => {
  const app = await startApp(t);
  await createBox(t, app);
  const cli = await makeCli(t, app.base);
  const pipe = (input: string) => cli.run(['connect', 'box'], { input });

  await t.test('and its output alone is printed', async (t) => {
    t.same(await pipe('ls\ncat src/README\n'), { status: 0, stdout: 'src\nhello\n', stderr: '' });
  });
  await t.test('and its status is that of the shell', async (t) => {
    t.match(await pipe('exit 42\necho never\n'), { status: 42, stdout: '' });
    t.match(await pipe('false'), { status: 1, stdout: '' });
    t.match(await pipe(''), { status: 0, stdout: '' });
  });
  await t.test('and programs in it can read the rest', async (t) => {
    t.match(await pipe('cat\none\ntwo'), { status: 0, stdout: 'one\ntwo\n' });
    t.match(await pipe('read x\nvalue\necho "<$x>"\n'), { status: 0, stdout: '<value>\n' });
  });
  await t.test('and to programs in it their output is no terminal', async (t) => {
    t.match(await pipe('test -t 1 || test -t 2 || echo none\n'), { status: 0, stdout: 'none\n' });
    t.match(await pipe('echo out; echo err >&2; sh -c "exit 5"'), { status: 5, stdout: 'out\nerr\n' });
  });
  await t.test('byte for byte, but for the end of input', async (t) => {
    const line = '\x03\x11\x13\x15\x16\x17\x1a\x1c\x7f\ttab é 世界 ~.';
    t.match(await pipe(`cat\n${line}\n`), { status: 0, stdout: `${line}\n` });
  });
  await t.test('however much it is', async (t) => {
    const lines = Array.from({ length: 20_000 }, (_, index) => `line ${index} ${'x'.repeat(80)}`);
    const { status, stdout } = await pipe(`cat\n${lines.join('\n')}\n`);
    t.equal(status, 0);
    t.equal(stdout, `${lines.join('\n')}\n`);
  });
  await t.test('but no line that a terminal would cut', async (t) => {
    t.match(await pipe(`echo ok\n: ${'x'.repeat(4094)}\n`), {
      status: 1,
      stderr: 'dockbox: Line 2 is longer than the 4095 bytes that a terminal takes.\n',
    });
    t.match(await pipe(`printf ${'x'.repeat(4088)}\n`), { status: 0, stdout: 'x'.repeat(4088) });
  });
  await t.test('also in a new one', async (t) => {
    const server = await startHttpServer(t, serve({ '/a.tar.gz': tarGz([{ name: 'a/b', content: 'b\n' }]) }));
    const made = await cli.run(['new', `${server.url}/a.tar.gz`], { input: 'cat b; exit 3\n' });
    t.match(made, { status: 3, stdout: 'b\n' });
  });
});
