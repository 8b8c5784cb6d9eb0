import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import t from 'tap';
import { CLOSE } from '../../lib/terminals/close.js';
import { startApp } from '../helpers/app.js';
import { tarGz } from '../helpers/archives.js';
import { startBrowser, Visitor, withBrowser } from '../helpers/browser.js';
import { call } from '../helpers/client.js';
import { bearer, makeKey } from '../helpers/credentials.js';
import { serve, startHttpServer } from '../helpers/http-server.js';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds wrong with the page for those who can't see it, or have no mouse. */
async function barriers(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const found: { id: string; nodes: { html: string }[] }[] = await page.evaluate(
    // What is in the terminal's rows is the box's, and what xterm.js has for screen readers is beside them.
    "axe.run({ exclude: ['.xterm'] }).then(({ violations }) => violations)",
  );
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

t.test('the terminal page', withBrowser, async (t) => {
  const app = await startApp(t, { AUTH: 'token' });
  const { key } = await makeKey(app);
  const api = (method: string, path: string, body?: object) => call(app, method, path, body, bearer(key));
  const files = tarGz([{ name: 'hello/README', content: 'hello\n' }]);
  let late = false;
  const sources = await startHttpServer(
    t,
    serve({
      '/hello.tar.gz': files,
      '/other.tar.gz': files,
      '/late.tar.gz': (_request, response) => (late ? response.end(files) : response.writeHead(404).end()),
    }),
  );
  const browser = await startBrowser(t);
  const ada = await Visitor.arrive(browser);
  const { page } = ada;
  const button = (name: string | RegExp) => page.getByRole('button', { name });
  const link = (name: string | RegExp) => page.getByRole('link', { name, exact: true });
  /** The tab that is seen, of this name. */
  const tab = (name: string) => page.locator('.tabs .current').getByText(name, { exact: true });
  const state = (kind: string) => page.locator(`.line .state.${kind}`);

  await t.test('asks who one is, and keeps that where no script can read it', async (t) => {
    await page.goto(app.base);
    await page.getByLabel('API key').fill('dbx_wrong');
    await ada.picture('sign-in');
    await button('Sign in').click();
    const { body } = await call(app, 'POST', '/v1/session', { key: 'dbx_wrong' });
    await page.getByText(body.message).waitFor();
    t.strictSame(await barriers(page), []);

    await page.getByLabel('API key').fill(key);
    await page.keyboard.press('Enter');
    await page.getByText('You have no dockbox yet').waitFor();
    t.equal(await page.evaluate('document.cookie'), '');
    t.equal(await page.evaluate('localStorage.length + sessionStorage.length'), 0);
    t.strictSame(await barriers(page), []);
    await ada.picture('home-light');
  });

  await t.test('tells what is wrong with an address in the words of the API', async () => {
    await page.getByLabel('Address of a repository').fill('ftp://example.com/a');
    await button(/^Open$/).click();
    const { body } = await api('POST', '/v1/dockbox', { url: 'ftp://example.com/a' });
    await page.getByRole('alert').getByText(body.message).waitFor();
  });

  await t.test('tells why a source could not be fetched, and tries again', async (t) => {
    await page.getByLabel('Address of a repository').fill(`${sources.url}/late.tar.gz`);
    await page.keyboard.press('Enter');
    await page
      .locator('.connection')
      .getByText(/could not be/)
      .waitFor();
    await page.locator('.boxes .state.failed').waitFor();
    const failed = page.url();
    await ada.picture('failed');
    late = true;
    await button('Try again').click();
    await ada.prompt();
    t.not(page.url(), failed);
    await page.locator('.boxes .state.failed').waitFor({ state: 'detached' });
    await api('DELETE', `/v1/dockbox/${page.url().split('/').at(-1)}`);
    await link('dockbox').click();
  });

  await t.test('opens a source, shows how it is fetched, and types into its shell', async (t) => {
    await page.getByLabel('Address of a repository').fill(`${sources.url}/hello.tar.gz`);
    await page.keyboard.press('Enter');
    await ada.prompt();
    await ada.type('cat README; secret=42\n');
    await ada.shows(/^hello$/m);
    t.match(page.url(), /#\/hello-\w+$/);
    t.match(await page.title(), /hello-\w+ · dockbox/);
    t.strictSame(await barriers(page), []);
  });

  await t.test('shows the same shell after a reload', async () => {
    await page.reload();
    await ada.prompt();
    await ada.type('echo "[$secret]"\n');
    await ada.shows(/^\[42\]$/m);
    await page.locator('.boxes .state.running').waitFor();
  });

  await t.test('finds its way back when the network, or the server, went away', async () => {
    await page.context().setOffline(true);
    await page.getByText('This device is offline. Reconnecting…').waitFor();
    await ada.picture('offline');
    await page.context().setOffline(false);
    await state('connected').waitFor();
    await ada.shows(/^\[42\]$/m);

    const connected = page.waitForEvent('websocket');
    await app.terminals.closeAll({ code: CLOSE.serviceRestart, reason: 'This server is going away.' });
    await connected;
    await state('connected').waitFor();
    await ada.type('echo "again $secret"\n');
    await ada.shows(/^again 42$/m);
  });

  await t.test('tells the shell how large the window is', async () => {
    const size = () => page.locator('.line .wide').last().textContent();
    const before = await size();
    await page.setViewportSize({ width: 900, height: 500 });
    while ((await size()) === before);
    const [cols, rows] = (await size())?.split('×') ?? [];
    await ada.type(
      `clear; until [ "$(stty size)" = "${rows} ${cols}" ]; do sleep 0.1; done; echo "it knows"\n`,
    );
    await ada.shows(/^it knows$/m);
    await page.setViewportSize({ width: 1100, height: 700 });
  });

  await t.test('has a tab for each terminal', async (t) => {
    await button('New terminal').click();
    await tab('2').waitFor();
    await ada.prompt();
    await ada.type('echo "second [$secret]"; sleep 1000\n');
    await ada.shows(/^second \[\]$/m);
    await ada.picture('tabs-light');

    await page.keyboard.press('Control+Shift+Digit1');
    await ada.shows(/^it knows$/m);
    await link('2').click();
    await ada.shows(/^second/m);

    await button('End terminal 2').click();
    const question = page.getByRole('dialog');
    await question.getByText(/“sleep” runs in it/).waitFor();
    t.strictSame(await barriers(page), []);
    await question.getByRole('button', { name: 'End it' }).click();
    await link('2').waitFor({ state: 'detached' });
    await ada.shows(/^it knows$/m);
    const box = page.url().split('/').at(-1);
    const { body } = await api('GET', `/v1/dockbox/${box}/terminals`);
    t.strictSame(
      body.items.map(({ name }: { name: string }) => name),
      ['main'],
    );
  });

  await t.test('takes what programs say for text, and opens web addresses alone', async (t) => {
    await ada.type("printf '\\033]0;<img src=x>\\xe2\\x80\\xaeevil\\007'\n");
    await page.locator('.tabs a[title="<img src=x>evil"]').waitFor();
    t.match(await page.title(), /^<img src=x>evil · hello/);
    t.equal(await page.locator('img').count(), 0);

    await ada.type(`clear; echo javascript:alert; echo ${app.base}/health\n`);
    await ada.shows(/^javascript:alert$/m);
    const opened: string[] = [];
    page.context().on('page', (other) => opened.push(other.url()));
    // The text is below what takes the mouse.
    await page.getByText('javascript:alert', { exact: true }).click({ force: true });
    await page.getByText(`${app.base}/health`, { exact: true }).hover({ force: true });
    await page.locator('.xterm-cursor-pointer').waitFor();
    const open = page.context().waitForEvent('page');
    await page.mouse.down();
    await page.mouse.up();
    const other = await open;
    t.equal(await other.evaluate('opener'), null);
    t.strictSame(opened, [`${app.base}/health`]);
    await other.close();
  });

  await t.test('lets others watch, or type, by a link that can be revoked', async (t) => {
    await ada.type('clear; echo "for $((40+2)) eyes"\n');
    await ada.shows(/^for 42 eyes$/m);
    await button('Share').click();
    await button('Make a link').click();
    const address = await page.getByRole('textbox', { name: 'The link' }).inputValue();
    await ada.picture('share-light');
    t.strictSame(await barriers(page), []);

    const bob = await Visitor.arrive(browser);
    await bob.page.goto(address);
    await bob.shows(/^for 42 eyes/m);
    t.equal(await bob.page.getByRole('navigation').count(), 0, 'and nothing else is shown');
    await bob.page.locator('.xterm').click();
    await bob.type('echo from bob\n');
    t.strictSame(await barriers(bob.page), []);
    await bob.picture('shared');
    t.notOk(
      bob.requests.some((request) => request.includes('dbt_')),
      'the ticket is in no address that a server sees',
    );

    await button(/Revoke/).click();
    await bob.page.locator('.line .state.ended').waitFor();
    await page.getByText('Links that are good').waitFor({ state: 'detached' });

    await page.getByLabel(/may type/).check();
    await button('Make a link').click();
    await button(/Revoke/).waitFor();
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

  await t.test('stops a box, and starts it when one wants to go on', async () => {
    await button('Stop').click();
    await page.locator('.connection').getByText('The dockbox was stopped').waitFor();
    await page.locator('.boxes .state.stopped').waitFor();
    await ada.picture('stopped');
    await page.locator('.xterm').click();
    await page.keyboard.press('Enter');
    await ada.shows(/was started again/);
  });

  await t.test('counts down to when a box that nobody uses is stopped', async () => {
    await link('dockbox').click();
    await page
      .locator('.boxes .state.idle')
      .getByText(/stops in \d+ s/)
      .waitFor();
  });

  await t.test('opens a link to a source only when one says so', async (t) => {
    const posts = () => ada.requests.filter((request) => request.startsWith('POST')).length;
    const before = posts();
    await page.goto(`${app.base}/?url=${encodeURIComponent(`${sources.url}/other.tar.gz`)}`);
    await page.getByText('Open this repository?').waitFor();
    await page.locator('button.primary:focus').waitFor();
    t.equal(posts(), before, 'nothing was made');
    t.strictSame(await barriers(page), []);
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
    t.strictSame(await barriers(page), []);
    await ada.picture('commands-light');
    await ada.type('new term');
    await page.keyboard.press('Enter');
    await tab('2').waitFor();
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
    t.strictSame(await barriers(page), []);
    await ada.picture('terminal-dark');
    await button('Light').click();
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
    await phone.page.getByRole('link', { name: /^hello-/ }).waitFor();
    await phone.picture('phone-home');
    t.strictSame(await barriers(phone.page), []);
    await phone.page.getByRole('link', { name: /^hello-/ }).tap();
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
    t.strictSame(await barriers(phone.page), []);
    await phone.picture('phone-terminal');
    await phone.page.getByRole('button', { name: 'Commands' }).tap();
    await phone.picture('phone-commands');
    t.strictSame(phone.complaints, []);
    await phone.page.context().close();
  });

  await t.test('deletes a box when one is sure', async (t) => {
    const name = page.url().split('/')[4] ?? '';
    await button('Delete').click();
    await page
      .getByRole('dialog')
      .getByText(/Its files go with it/)
      .waitFor();
    await page.keyboard.press('Escape');
    t.equal((await api('GET', `/v1/dockbox/${name}`)).status, 200);

    await button('Delete').click();
    await ada.picture('delete');
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByLabel('Address of a repository').waitFor();
    t.equal((await api('GET', `/v1/dockbox/${name}`)).status, 404);
    t.equal(await page.getByRole('link', { name: new RegExp(`^${name}`) }).count(), 0);
  });

  await t.test('signs out', async (t) => {
    await button('Sign out').click();
    await page.getByLabel('API key').waitFor();
    await page.reload();
    await page.getByLabel('API key').waitFor();
    t.strictSame(await page.context().cookies(), []);
  });

  await t.test('signs in by an address with a key, and takes that out of it', async (t) => {
    await page.goto(`${app.base}/#key=${key}`);
    await page.getByRole('link', { name: /^hello-/ }).waitFor();
    t.equal(page.url(), `${app.base}/`);
    t.equal(
      await page.evaluate('localStorage.length + sessionStorage.length'),
      1,
      'the colours alone are kept',
    );
  });

  await t.test('gives the browser nothing to complain about', async (t) => {
    t.strictSame(ada.complaints, []);
    t.ok(
      ada.requests.every((request) => request.includes(new URL(app.base).host)),
      'and loads nothing from elsewhere',
    );
  });

  await t.test('draws with WebGL where there is any, under the same policy', async (t) => {
    const other = await startBrowser(t, { webgl: true });
    const eve = await Visitor.arrive(other);
    await eve.page.goto(`${app.base}/#key=${key}`);
    await eve.page.getByRole('link', { name: /^hello-/ }).click();
    await eve.page.locator('.line .state.connected').waitFor();
    await eve.page.locator('.xterm canvas:not(.xterm-link-layer)').first().waitFor({ state: 'attached' });
    t.strictSame(eve.complaints, []);
  });
});
