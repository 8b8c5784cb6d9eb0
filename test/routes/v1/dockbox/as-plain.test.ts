import type { IBufferCell } from '@xterm/headless';
import t from 'tap';
import { startApp } from '../../../helpers/app.js';
import { tarGz } from '../../../helpers/archives.js';
import { createBox } from '../../../helpers/box.js';
import { serve, startHttpServer } from '../../../helpers/http-server.js';
import { openScreen, type Screen } from '../../../helpers/screen.js';

const rows = (count: number) => Array.from({ length: count }, (_, row) => `row ${row}`).join('\r\n');

/** What programs write, by what it is. */
const OUTPUT: Record<string, string> = {
  attributes: [1, 2, 3, 4, 5, 7, 8, 9, 21, 53].map((n) => `\x1b[${n}m${n}\x1b[0m `).join(''),
  'attributes together': '\x1b[1;3;4;7;31;44mall\x1b[22;24m some\x1b[0m none',
  'sixteen colours': [0, 1, 2, 3, 4, 5, 6, 7]
    .map((n) => `\x1b[3${n};4${7 - n}ma\x1b[9${n};10${7 - n}mb`)
    .join(''),
  '256 colours': [16, 21, 196, 231, 232, 255].map((n) => `\x1b[38;5;${n}ma\x1b[48;5;${n}mb\x1b[0m`).join(''),
  'true colours': '\x1b[38;2;0;0;0ma\x1b[48;2;1;2;3mb\x1b[38;2;255;128;7mc\x1b[38:2::9:8:7md',
  // No emoji, of whose widths this emulator has an older table than tmux.
  'wide characters': '世界 한글 ｆｕｌｌ|☃|é|ß',
  'a wide character at the edge': `${'x'.repeat(79)}世\r\n${'x'.repeat(80)}y`,
  'combining characters': 'e\u0301 a\u0308 o\u0302\u0323 n\u0303|',
  'what is not UTF-8': 'a\xff\xfe\x80b',
  'line drawing': '\x1b(0lqqk\r\nx  x\r\nmqqj\x1b(B plain',
  tabs: 'a\tb\tc\r\nab\tc',
  'moves of the cursor': '\x1b[5;10Hat\x1b[2Aup\x1b[3Ddn\x1b[10Gcol\x1b[7dl\x1b7\x1b[10;10Hb\x1b8c',
  erasing: 'aaaaaaaaaa\r\x1b[3C\x1b[K\r\nbbbbbbbbbb\x1b[5D\x1b[1K\r\ncccccccccc\x1b[5D\x1b[2X',
  'erasing in colour': '\x1b[44m\x1b[K\r\nx\x1b[3X\x1b[0m',
  'characters put in and taken out': 'abcdef\r\x1b[2C\x1b[2@\r\nabcdef\r\x1b[2C\x1b[2P',
  'a region that scrolls': `\x1b[3;6r\x1b[6;1H${rows(8)}\x1b[r\x1b[10;1H`,
  'scrolling backwards': '\x1b[3;1H\x1bMx\x1bMy\x1bDz',
  'lines that wrap, and not': `\x1b[?7l${'n'.repeat(90)}\x1b[?7h\r\n${'w'.repeat(90)}`,
  'more than the screen': rows(40),
  'the alternate screen': 'main\x1b[?1049h\x1b[H\x1b[2Jalternate',
  'the alternate screen left': 'main\x1b[?1049h\x1b[H\x1b[2Jalternate\x1b[?1049l again',
  'control characters': 'a\x00b\x07c\x08d',
};

/** What terminals send, by the key. */
const KEYS: Record<string, string> = {
  letters: 'aZ~é世👍',
  'Enter, Tab, Backspace': '\r\t\x7f\x1b[Z',
  'Ctrl with letters':
    '\x01\x02\x03\x04\x05\x06\x08\x0b\x0c\x0e\x10\x11\x12\x13\x14\x17\x18\x19\x1a\x1c\x1d\x1e\x1f',
  Escape: '\x1b',
  'Alt with others': '\x1ba\x1bé\x1b\r\x1b\x7f\x1b\x01',
  arrows: '\x1b[A\x1b[B\x1b[C\x1b[D',
  'arrows with others': '\x1b[1;5A\x1b[1;2C\x1b[1;3D\x1b[1;7B',
  'the block above them': '\x1b[2~\x1b[3~\x1b[5~\x1b[6~',
  'Home and End': '\x1b[H\x1b[F\x1b[1;5H\x1b[1;2F',
  'F1 to F12': '\x1bOP\x1bOQ\x1bOR\x1bOS\x1b[15~\x1b[17~\x1b[18~\x1b[19~\x1b[20~\x1b[21~\x1b[23~\x1b[24~',
  'F keys with others': '\x1b[1;2P\x1b[15;5~\x1b[24;2~',
};

/** What is typed at once: the keys, filled up so that their reader knows their end. */
const RECORD_BYTES = 96;

const name = (what: string) => what.replaceAll(/\W+/g, '-');
const files = Object.entries(OUTPUT).map(([what, bytes]) => ({
  name: `box/${name(what)}`,
  content: Buffer.from(bytes, what === 'what is not UTF-8' ? 'latin1' : 'utf8'),
}));

/** A cell with all that is to be seen of it. */
function cellText(cell: IBufferCell): string {
  const styles = [
    cell.isBold() && 'bold',
    cell.isDim() && 'dim',
    cell.isItalic() && 'italic',
    cell.isUnderline() && 'underline',
    cell.isBlink() && 'blink',
    cell.isInverse() && 'inverse',
    cell.isInvisible() && 'invisible',
    cell.isStrikethrough() && 'strikethrough',
    cell.isOverline() && 'overline',
  ].filter(Boolean);
  const colours = [cell.getFgColorMode(), cell.getFgColor(), cell.getBgColorMode(), cell.getBgColor()];
  return `${cell.getChars() || ' '} ${cell.getWidth()} ${colours} ${styles}`;
}

/** A screen's cells, row by row, and where the cursor is. */
function picture({ emulator }: Screen): string[] {
  const { active } = emulator.buffer;
  const rows = Array.from({ length: emulator.rows }, (_, row) => active.getLine(active.baseY + row));
  return [
    `cursor ${active.cursorX} ${active.cursorY}`,
    ...rows.map((line) =>
      Array.from({ length: emulator.cols }, (_, column) => {
        const cell = line?.getCell(column);
        return cell ? cellText(cell) : '';
      }).join('|'),
    ),
  ];
}

t.test('a held terminal is as a plain one', async (t) => {
  const server = await startHttpServer(t, serve({ '/box.tar.gz': tarGz(files) }));
  const app = await startApp(t);
  await createBox(t, app, { url: `${server.url}/box.tar.gz` });
  const plain = await openScreen(t, app, 'box', { query: { terminal: '' } });
  const held = await openScreen(t, app, 'box');

  await t.test('to what programs write', async (t) => {
    const titles = new Map<Screen, string>();
    for (const screen of [plain, held]) {
      screen.emulator.onTitleChange((title) => titles.set(screen, title));
      screen.type('show() { printf "\\033c"; cat "$1"; printf "\\033]2;$1\\007"; read; }\r');
    }
    for (const what of Object.keys(OUTPUT)) {
      const show = (screen: Screen) => {
        screen.type(`show ${name(what)}\r`);
        return screen.until(() => titles.get(screen) === name(what));
      };
      await Promise.all([show(plain), show(held)]);
      const wanted = picture(plain);
      // A screen that tmux draws anew may come after the title.
      await held.until(() => `${picture(held)}` === `${wanted}`).catch(() => {});
      t.same(picture(held), wanted, what);
      for (const screen of [plain, held]) screen.type('\r');
    }
  });

  await t.test('to who types', async (t) => {
    for (const screen of [plain, held]) {
      const read = `head -c ${RECORD_BYTES} | tr -d @ | cat -vT`;
      const loop = `while keys=$(${read}); do printf "\\033c<%s>" "$keys"; done`;
      screen.type(`printf "\\033c"; stty raw -echo; echo "<ready>"; ${loop}\r`);
      await screen.shows(/^<ready>/m);
    }
    for (const [index, [what, keys]] of Object.entries(KEYS).entries()) {
      const typed = await Promise.all(
        [plain, held].map(async (screen) => {
          const record = Buffer.alloc(RECORD_BYTES, '@');
          record.write(`${index}:${keys}`);
          screen.type(record.toString());
          const shown = new RegExp(`^<${index}:.*>$`, 's');
          await screen.until(() => shown.test(screen.lines.join('')));
          return screen.lines.join('');
        }),
      );
      t.equal(typed[1], typed[0], what);
    }
  });
});
