import t from 'tap';
import { CLOSE } from '../../lib/terminals/close.js';
import { startApp } from '../helpers/app.js';
import { tarGz } from '../helpers/archives.js';
import { startBrowser, Visitor, withBrowser } from '../helpers/browser.js';
import { call } from '../helpers/client.js';
import { callAs, makeKey } from '../helpers/credentials.js';
import { onlyFor, serve, startHttpServer } from '../helpers/http-server.js';

const TOKEN = 'may-read';

t.test('the terminal page', withBrowser, async (t) => {
  const app = await startApp(t, { AUTH: 'token' });
  const { key } = await makeKey(app);
  const api = (method: string, path: string, body?: object) => callAs(app, key, method, path, body);
  const files = tarGz([{ name: 'hello/README', content: 'hello\n' }]);
  let late = false;
  const sources = await startHttpServer(
    t,
    serve({
      '/hello.tar.gz': files,
      '/private.tar.gz': onlyFor(`Bearer ${TOKEN}`, files),
      '/late.tar.gz': (_request, response) => (late ? response.end(files) : response.writeHead(404).end()),
    }),
  );
  const ada = await Visitor.arrive(await startBrowser(t));
  const { page } = ada;

  await t.test('asks who one is, and keeps that where no script can read it', async (t) => {
    await page.goto(app.base);
    await page.getByLabel('API key').fill('dbx_wrong');
    await ada.picture('sign-in');
    await ada.button('Sign in').click();
    const { body } = await call(app, 'POST', '/v1/session', { key: 'dbx_wrong' });
    await page.getByText(body.message).waitFor();
    t.strictSame(await ada.barriers(), []);

    await page.getByLabel('API key').fill(key);
    await page.keyboard.press('Enter');
    await page.getByText('You have no dockbox yet').waitFor();
    t.equal(await page.evaluate('document.cookie'), '');
    t.equal(await page.evaluate('localStorage.length + sessionStorage.length'), 0);
    t.strictSame(await ada.barriers(), []);
    await ada.picture('home-light');
  });

  await t.test('tells what is wrong with an address in the words of the API', async () => {
    await page.getByLabel('Address of a repository').fill('ftp://example.com/a');
    await ada.button(/^Open$/).click();
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
    await ada.button('Try again').click();
    await ada.prompt();
    t.not(page.url(), failed);
    await page.locator('.boxes .state.failed').waitFor({ state: 'detached' });
    await api('DELETE', `/v1/dockbox/${page.url().split('/').at(-1)}`);
    await ada.link('dockbox').click();
  });

  await t.test('opens a private source with a token', async (t) => {
    await page.getByLabel('Address of a repository').fill(`${sources.url}/private.tar.gz`);
    await page.getByText('Options').click();
    await page.getByLabel('Credentials').fill(TOKEN);
    await ada.picture('options');
    t.strictSame(await ada.barriers(), []);
    await page.keyboard.press('Enter');
    await ada.prompt();
    await api('DELETE', `/v1/dockbox/${page.url().split('/').at(-1)}`);
    await ada.link('dockbox').click();
  });

  await t.test('opens a source, shows how it is fetched, and types into its shell', async (t) => {
    await page.getByLabel('Address of a repository').fill(`${sources.url}/hello.tar.gz`);
    await page.keyboard.press('Enter');
    await ada.prompt();
    await ada.type('cat README; secret=42\n');
    await ada.shows(/^hello$/m);
    t.match(page.url(), /#\/hello-\w+$/);
    t.match(await page.title(), /hello-\w+ · dockbox/);
    t.strictSame(await ada.barriers(), []);
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
    await ada.state('connected').waitFor();
    await ada.shows(/^\[42\]$/m);

    const connected = page.waitForEvent('websocket');
    await app.terminals.closeAll({ code: CLOSE.serviceRestart, reason: 'This server is going away.' });
    await connected;
    await ada.state('connected').waitFor();
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
    await ada.button('New terminal').click();
    await ada.tab('2').waitFor();
    await ada.prompt();
    await ada.type('echo "second [$secret]"; sleep 1000\n');
    await ada.shows(/^second \[\]$/m);
    await ada.picture('tabs-light');

    await page.keyboard.press('Control+Shift+Digit1');
    await ada.shows(/^it knows$/m);
    await ada.link('2').click();
    await ada.shows(/^second/m);

    await ada.button('End terminal 2').click();
    const question = page.getByRole('dialog');
    await question.getByText(/“sleep” runs in it/).waitFor();
    t.strictSame(await ada.barriers(), []);
    await question.getByRole('button', { name: 'End it' }).click();
    await ada.link('2').waitFor({ state: 'detached' });
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
    // The window's title follows that of the tab.
    while (!(await page.title()).startsWith('<img src=x>evil · hello'));
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

  await t.test('stops a box, and starts it when one wants to go on', async () => {
    await ada.button('Stop').click();
    await page.locator('.connection').getByText('The dockbox was stopped').waitFor();
    await page.locator('.boxes .state.stopped').waitFor();
    await ada.picture('stopped');
    await page.locator('.xterm').click();
    await page.keyboard.press('Enter');
    await ada.shows(/was started again/);
  });

  await t.test('counts down to when a box that nobody uses is stopped', async () => {
    await ada.link('dockbox').click();
    await page
      .locator('.boxes .state.idle')
      .getByText(/stops in \d+ s/)
      .waitFor();
  });

  await t.test('deletes a box when one is sure', async (t) => {
    await page.getByRole('link', { name: /^hello-/ }).click();
    await ada.prompt();
    const name = page.url().split('/')[4] ?? '';
    await ada.button('Delete').click();
    await page
      .getByRole('dialog')
      .getByText(/Its files go with it/)
      .waitFor();
    await page.keyboard.press('Escape');
    t.equal((await api('GET', `/v1/dockbox/${name}`)).status, 200);

    await ada.button('Delete').click();
    await ada.picture('delete');
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByLabel('Address of a repository').waitFor();
    t.equal((await api('GET', `/v1/dockbox/${name}`)).status, 404);
    t.equal(await page.getByRole('link', { name: new RegExp(`^${name}`) }).count(), 0);
  });

  await t.test('signs out', async (t) => {
    await ada.button('Sign out').click();
    await page.getByLabel('API key').waitFor();
    await page.reload();
    await page.getByLabel('API key').waitFor();
    t.strictSame(await page.context().cookies(), []);
  });

  await t.test('gives the browser nothing to complain about', async (t) => {
    t.strictSame(ada.complaints, []);
    t.ok(
      ada.requests.every((request) => request.includes(new URL(app.base).host)),
      'and loads nothing from elsewhere',
    );
  });
});
