import { createRequire } from 'node:module';
import t from 'tap';
import { startApp } from '../helpers/app.js';
import { createBox } from '../helpers/box.js';
import { startBrowser, Visitor, withBrowser } from '../helpers/browser.js';

const { resolve } = createRequire(import.meta.url);

/** What pages of others do to connect xterm.js to a box, given its terminal and the WebSocket's address. */
const PAGES = {
  'the add-on for that, as it is': `
    terminal.loadAddon(new AttachAddon.AttachAddon(new WebSocket(address)));`,
  'a few lines that send text and press Enter first': `
    const socket = new WebSocket(address);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => socket.send('\\r');
    socket.onmessage = ({ data }) => terminal.write(new Uint8Array(data));
    terminal.onData((keys) => socket.send(keys));`,
};

t.test('xterm.js connects to the raw endpoint', withBrowser, async (t) => {
  const app = await startApp(t);
  const id = await createBox(t, app);
  const browser = await startBrowser(t);

  for (const [title, code] of Object.entries(PAGES)) {
    await t.test(`with ${title}`, async (t) => {
      // Within this service, as pages from elsewhere have to be listed in CORS_ORIGINS; but its own pages let nothing be added.
      const visitor = await Visitor.arrive(browser, { bypassCSP: true });
      const { page } = visitor;
      await page.goto(`${app.base}/health`);
      for (const name of ['@xterm/xterm/lib/xterm.js', '@xterm/addon-attach/lib/addon-attach.js']) {
        await page.addScriptTag({ path: resolve(name) });
      }
      await page.addStyleTag({ path: resolve('@xterm/xterm/css/xterm.css') });
      await page.evaluate(`
        const terminal = new Terminal();
        document.body.replaceChildren();
        terminal.open(document.body);
        terminal.focus();
        const address = ${JSON.stringify(`${app.base.replace('http', 'ws')}/v1/dockbox/ws/${id}`)};
        ${code}`);
      await visitor.shows(/[#$]$/m);
      await visitor.type('clear; echo "$((6*7)) \u00e9\u{1f600}"; cat src/README\n');
      await visitor.shows(/^42 \u00e9\u{1f600}\nhello$/mu);
      t.strictSame(visitor.complaints, []);
    });
  }
});
