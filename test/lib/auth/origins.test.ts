import http from 'node:http';
import t from 'tap';
import { startApp } from '../../helpers/app.js';
import type { Service } from '../../helpers/client.js';
import { bearer, bearerProtocol, insertBoxOf, makeKey } from '../../helpers/credentials.js';
import { handshake } from '../../helpers/handshake.js';

const HOST = 'box.example';

t.test('a terminal is opened by no page but the service’s own, and those that are listed', async (t) => {
  const app = await startApp(t, { AUTH: 'token', CORS_ORIGINS: 'https://ide.example' });
  const { key } = await makeKey(app);
  const id = await insertBoxOf(app, 'ana');
  const from = async (origin: string | undefined, headers: Record<string, string> = {}) => {
    const all = { ...bearer(key), ...headers, ...(origin !== undefined && { origin }) };
    const { status, code } = await handshake(t, app, `/v1/dockbox/ws/${id}`, { headers: all });
    return code ?? status;
  };
  const { host, port } = new URL(app.base);
  const REFUSED = 'DBX_CROSS_ORIGIN';

  t.equal(await from(undefined), 101, 'what is no browser sends no Origin');
  t.equal(await from(`http://${host}`), 101);
  t.equal(await from(`https://${host}`), 101, 'a proxy has taken TLS off');
  t.equal(await from('https://ide.example'), 101);
  for (const origin of [
    'https://evil.example',
    'http://127.0.0.1',
    `http://127.0.0.1:${Number(port) + 1}`,
    `http://127.0.0.1:${port}.evil.example`,
    `http://evil.example/${host}`,
    'https://ide.example.evil.example',
    'https://ide.example:8443',
    'http://ide.example',
    'null',
    '',
    'file://',
    `ftp://${host}`,
  ]) {
    t.equal(await from(origin), REFUSED, origin);
  }

  await t.test('whose ports are their schemes’ own', async (t) => {
    t.equal(await from(`https://${HOST}`, { host: HOST }), 101);
    t.equal(await from(`https://${HOST}`, { host: `${HOST}:443` }), 101);
    t.equal(await from(`http://${HOST}`, { host: `${HOST}:443` }), REFUSED);
    t.equal(await from(`https://${HOST}:444`, { host: HOST }), REFUSED);
  });

  await t.test('whatever X-Forwarded-Host says, which nobody vouches for', async (t) => {
    t.equal(await from('https://evil.example', { 'x-forwarded-host': 'evil.example' }), REFUSED);
  });

  await t.test('also with the key in a subprotocol, which a page can send', async (t) => {
    const open = {
      headers: { origin: 'https://evil.example' },
      protocols: ['binary.k8s.io', bearerProtocol(key)],
    };
    t.match(await handshake(t, app, `/v1/dockbox/ws/${id}`, open), { status: 403, code: REFUSED });
  });
});

t.test('behind a trusted proxy, the service’s own is what the proxy says', async (t) => {
  const app = await startApp(t, { AUTH: 'token', TRUST_PROXY: 'true' });
  const { key } = await makeKey(app);
  const id = await insertBoxOf(app, 'ana');
  const forwarded = { 'x-forwarded-host': HOST, 'x-forwarded-proto': 'https' };
  const from = async (origin: string) => {
    const headers = { ...bearer(key), ...forwarded, origin };
    return (await handshake(t, app, `/v1/dockbox/ws/${id}`, { headers })).status;
  };
  t.equal(await from(`https://${HOST}`), 101);
  t.equal(await from(`http://${HOST}`), 403, 'not without TLS');
  t.equal(await from(app.base), 403, 'nor what the proxy has called');

  const response = await fetch(`${app.base}/v1/dockbox/${id}/ticket`, {
    method: 'POST',
    headers: { ...bearer(key), ...forwarded },
  });
  const { url } = (await response.json()) as { url: string };
  t.match(url, new RegExp(`^wss://${HOST}/v1/dockbox/ws/${id}\\?ticket=`));
});

/** A request to `path` with a `Host` that is not the address it goes to. @returns its status */
function requestAs({ base }: Service, host: string, method = 'GET', headers = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { method, headers: { host, ...headers } };
    http
      .request(`${base}/v1/dockbox`, options, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
      .on('error', reject)
      .end();
  });
}

t.test('without authentication', async (t) => {
  const app = await startApp(t, { AUTH: 'none', CORS_ORIGINS: '*, https://ide.example' });
  const id = await insertBoxOf(app, 'local');
  const open = (headers: Record<string, string>, protocols: string[] = []) =>
    handshake(t, app, `/v1/dockbox/ws/${id}`, { headers, protocols });

  await t.test(
    'everybody is let in who comes without a page, or with one that is listed by name',
    async (t) => {
      t.equal((await open({})).status, 101);
      t.equal((await open({ origin: app.base })).status, 101);
      t.equal((await open({ origin: 'https://ide.example' })).status, 101);
    },
  );

  await t.test('no other page opens a terminal, whatever it sends along', async (t) => {
    const origin = 'https://evil.example';
    t.match(await open({ origin }), { status: 403, code: 'DBX_CROSS_ORIGIN' });
    t.equal((await open({ origin }, ['binary.k8s.io', bearerProtocol('anything')])).status, 403);
  });

  await t.test('no other page changes anything with a request that browsers don’t ask about', async (t) => {
    const response = await fetch(`${app.base}/v1/dockbox/${id}/stop`, {
      method: 'POST',
      headers: { origin: 'https://evil.example' },
    });
    t.equal(response.status, 403);
  });

  await t.test('no page reaches it by a name that leads here', async (t) => {
    t.equal(await requestAs(app, 'evil.example'), 403);
    t.equal(await requestAs(app, 'localhost.evil.example:3000'), 403);
    for (const host of ['localhost:3000', '127.0.0.1', '[::1]:3000', 'ide.example']) {
      t.equal(await requestAs(app, host), 200, host);
    }
  });
});
