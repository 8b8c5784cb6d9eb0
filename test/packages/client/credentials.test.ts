import { createClient, unwrap } from 'dockbox-client';
import t from 'tap';
import { startApp } from '../../helpers/app.js';
import { createBoxOf } from '../../helpers/box.js';
import { makeKey } from '../../helpers/credentials.js';
import { openSdkTerminal } from '../../helpers/sdk.js';

t.test('a client tells who calls and who connects', async (t) => {
  const app = await startApp(t, { AUTH: 'token' });
  const { key: token } = await makeKey(app);
  await createBoxOf(t, app, token);

  await t.test('with a key', async (t) => {
    const client = createClient({ baseUrl: app.base, token });
    t.match(await unwrap(client.GET('/v1/session')), { owner: 'ana', credential: 'key' });
    const terminal = openSdkTerminal(t, app, {}, token);
    await terminal.shows(/[$#]/);
  });

  await t.test('with the ticket of a share, as far as that goes', async (t) => {
    const client = createClient({ baseUrl: app.base, token });
    const params = { path: { id: 'box' } };
    const { ticket } = await unwrap(
      client.POST('/v1/dockbox/{id}/shares', { params, body: { readonly: true } }),
    );
    const watcher = openSdkTerminal(t, app, { readonly: true }, ticket);
    await watcher.shows(/[$#]/);
    const typist = openSdkTerminal(t, app, {}, ticket);
    t.match(await typist.ended, { code: 1006 }, 'who may only watch may not type');
  });

  await t.test('and without either is told what is wrong', async (t) => {
    const nobody = openSdkTerminal(t, app);
    t.match(await nobody.ended, { code: 1006, statusCode: 401, reason: /Who are you/ });
  });

  await t.test('a terminal whose key is revoked ends for good', async (t) => {
    const { key, id } = await makeKey(app);
    const terminal = openSdkTerminal(t, app, {}, key);
    await terminal.shows(/[$#]/);
    const client = createClient({ baseUrl: app.base, token });
    t.equal((await client.DELETE('/v1/keys/{id}', { params: { path: { id } } })).response.status, 204);
    t.match(await terminal.ended, { code: 1008 });
  });
});
