import t from 'tap';
import { startApp } from '../helpers/app.js';
import { tarGz } from '../helpers/archives.js';
import { startBrowser, Visitor, withBrowser } from '../helpers/browser.js';
import { callAs, makeKey } from '../helpers/credentials.js';
import { serve, startHttpServer } from '../helpers/http-server.js';

t.test('the terminal page, by whichever way one comes to it', withBrowser, async (t) => {
  const app = await startApp(t, { AUTH: 'token' });
  const { key } = await makeKey(app);
  const files = tarGz([{ name: 'hello/README', content: 'hello\n' }]);
  const sources = await startHttpServer(t, serve({ '/hello.tar.gz': files, '/other.tar.gz': files }));
  await callAs(app, key, 'POST', '/v1/dockbox', { url: `${sources.url}/hello.tar.gz`, name: 'hello' });
  const browser = await startBrowser(t);
  const ada = await Visitor.arrive(browser);
  const { page } = ada;

  await t.test('signs in by an address with a key, and takes that out of it', async (t) => {
    await page.goto(`${app.base}/#key=${key}`);
    await page.getByRole('link', { name: /^hello/ }).waitFor();
    t.equal(page.url(), `${app.base}/`);
    t.equal(await page.evaluate('localStorage.length + sessionStorage.length'), 0);
  });

  await t.test('lets others watch, or type, by a link that can be revoked', async (t) => {
    await page.getByRole('link', { name: /^hello/ }).click();
    await ada.prompt();
    await ada.type('clear; echo "for $((40+2)) eyes"\n');
    await ada.shows(/^for 42 eyes$/m);
    await ada.button('Share').click();
    await ada.button('Make a link').click();
    const address = await page.getByRole('textbox', { name: 'The link' }).inputValue();
    await ada.picture('share-light');
    t.strictSame(await ada.barriers(), []);

    const bob = await Visitor.arrive(browser);
    await bob.page.goto(address);
    await bob.shows(/^for 42 eyes/m);
    t.equal(await bob.page.getByRole('navigation').count(), 0, 'and nothing else is shown');
    await bob.page.locator('.xterm').click();
    await bob.type('echo from bob\n');
    t.strictSame(await bob.barriers(), []);
    await bob.picture('shared');
    t.notOk(
      bob.requests.some((request) => request.includes('dbt_')),
      'the ticket is in no address that a server sees',
    );

    await ada.button(/Revoke/).click();
    await bob.page.locator('.line .state.ended').waitFor();
    await page.getByText('Links that are good').waitFor({ state: 'detached' });

    await page.getByLabel(/may type/).check();
    await ada.button('Make a link').click();
    await ada.button(/Revoke/).waitFor();
    await bob.page.goto(await page.getByRole('textbox', { name: 'The link' }).inputValue());
    await bob.page.reload();
    await bob.prompt();
    await bob.type('echo "typed by $((1+1))"\n');
    await bob.shows(/^typed by 2$/m);
    await page.keyboard.press('Escape');
    t.notMatch(await ada.shows(/^typed by 2$/m), /from bob/);
    t.strictSame(bob.complaints, []);
    await bob.page.context().close();
  });

  await t.test('opens a link to a source only when one says so', async (t) => {
    const posts = () => ada.requests.filter((request) => request.startsWith('POST')).length;
    const before = posts();
    await page.goto(`${app.base}/?url=${encodeURIComponent(`${sources.url}/other.tar.gz`)}`);
    await page.getByText('Open this repository?').waitFor();
    await page.locator('button.primary:focus').waitFor();
    t.equal(posts(), before, 'nothing was made');
    t.strictSame(await ada.barriers(), []);
    await ada.picture('link');
    await page.keyboard.press('Enter');
    await ada.prompt();
    t.match(page.url(), /\/#\/other-\w+$/);

    const made = posts();
    const box = page.url();
    await page.goto(`${app.base}/?url=${encodeURIComponent(`${sources.url}/other.tar.gz`)}`);
    await ada.prompt();
    t.equal(page.url(), box, 'one has a box of it already');
    t.equal(posts(), made);
  });

  await t.test('can be used without a mouse', async (t) => {
    await page.keyboard.press('Control+Shift+K');
    t.strictSame(await ada.barriers(), []);
    await ada.picture('commands-light');
    await ada.type('new term');
    await page.keyboard.press('Enter');
    await ada.tab('2').waitFor();
    await ada.prompt();
    await ada.type('echo "by $((2+1)) keys"\n');
    await ada.shows(/^by 3 keys$/m);
    await page.keyboard.press('Control+Shift+F');
    await ada.type('keys');
    await page.locator('.xterm-selection > div').first().waitFor();
    await page.keyboard.press('Escape');
    await ada.type('exit\n');
    await page.getByText('The shell exited with status 0.').waitFor();
    await page.keyboard.press('Enter');
    await ada.prompt();
  });

  await t.test('has dark colours', async (t) => {
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.locator('html[data-theme=dark]').waitFor();
    t.strictSame(await ada.barriers(), []);
    await ada.picture('terminal-dark');
    await ada.button('Light').click();
    await page.locator('html[data-theme=light]').waitFor();
    await page.reload();
    await page.locator('html[data-theme=light]').waitFor();
    await ada.prompt();
    await ada.picture('terminal-light');
  });

  await t.test('fits a phone', async (t) => {
    const phone = await Visitor.arrive(browser, {
      viewport: { width: 375, height: 667 },
      isMobile: true,
      hasTouch: true,
      storageState: await page.context().storageState(),
    });
    await phone.page.goto(app.base);
    await phone.page.getByRole('link', { name: /^hello/ }).waitFor();
    await phone.picture('phone-home');
    t.strictSame(await phone.barriers(), []);
    await phone.page.getByRole('link', { name: /^hello/ }).tap();
    await phone.prompt();
    await phone.page.locator('.xterm').tap();
    await phone.type('sleep 1000\n');
    await phone.shows(/sleep 1000$/m);
    await phone.page.getByRole('button', { name: /^Ctrl/ }).tap();
    await phone.type('c');
    await phone.shows(/\^C/);
    await phone.page.getByRole('button', { name: 'Up' }).tap();
    await phone.shows(/# sleep 1000$/m);
    t.equal(await phone.page.evaluate('document.documentElement.scrollWidth'), 375, 'nothing sticks out');
    t.strictSame(await phone.barriers(), []);
    await phone.picture('phone-terminal');
    await phone.page.getByRole('button', { name: 'Commands' }).tap();
    await phone.picture('phone-commands');
    t.strictSame(phone.complaints, []);
    await phone.page.context().close();
  });

  await t.test('draws with WebGL where there is any, under the same policy', async (t) => {
    const other = await startBrowser(t, { webgl: true });
    const eve = await Visitor.arrive(other);
    await eve.page.goto(`${app.base}/#key=${key}`);
    await eve.page.getByRole('link', { name: /^hello/ }).click();
    await eve.page.locator('.line .state.connected').waitFor();
    await eve.page.locator('.xterm canvas:not(.xterm-link-layer)').first().waitFor({ state: 'attached' });
    t.strictSame(eve.complaints, []);
  });

  await t.test('gives the browser nothing to complain about', async (t) => {
    t.strictSame(ada.complaints, []);
    t.ok(
      ada.requests.every((request) => request.includes(new URL(app.base).host)),
      'and loads nothing from elsewhere',
    );
  });
});
