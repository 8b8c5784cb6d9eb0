import { brotliDecompressSync } from 'node:zlib';
import t from 'tap';
import { startApp } from '../helpers/app.js';

/** What browsers ask for when a person opens an address. */
const BROWSER = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };

/** All that the page may weigh as it is sent, in bytes. */
const MAX_BYTES = 300_000;

t.test('the service at /', async (t) => {
  const app = await startApp(t);
  const get = (path: string, headers: Record<string, string> = {}) =>
    app.inject({ method: 'GET', url: path, headers });
  const page = await get('/', BROWSER);
  const assets = [...page.body.matchAll(/(?:href|src)="\.\/([^"]+)"/g)].map(([, name]) => `/${name}`);

  await t.test('is JSON for programs', async (t) => {
    for (const accept of ['', '*/*', 'application/json', 'application/json, text/plain, */*']) {
      const answer = await get('/', accept ? { accept } : {});
      t.match(answer.headers['content-type'], /^application\/json/, accept);
      t.strictSame(answer.json(), { name: 'dockbox', docs: '/docs' });
      t.match(answer.headers.vary, /accept/i);
    }
  });

  await t.test('is the terminal page for browsers, always a fresh one', (t) => {
    t.equal(page.statusCode, 200);
    t.match(page.headers['content-type'], /^text\/html/);
    t.match(page.body, /<title>dockbox<\/title>/);
    t.match(page.headers['cache-control'], /max-age=0/);
    t.match(page.headers.vary, /accept(,|$)/i);
    t.end();
  });

  await t.test('may load from here alone, and nothing that is written into it', (t) => {
    const policy = String(page.headers['content-security-policy']);
    const sources = policy
      .split(';')
      .filter((directive) => !directive.includes('trusted-types'))
      .flatMap((directive) => directive.trim().split(' ').slice(1));
    t.strictSame([...new Set(sources)].sort(), ["'none'", "'self'"]);
    t.match(policy, /default-src 'none'/);
    t.match(policy, /frame-ancestors 'none'/);
    t.match(page.headers, {
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
    });
    t.end();
  });

  await t.test('loads little, compressed, once', async (t) => {
    t.ok(assets.length >= 3, 'a script, a style sheet and an icon');
    const chunks = new Set(assets);
    let bytes = 0;
    for (const path of chunks) {
      const answer = await get(path, { 'accept-encoding': 'gzip, br' });
      t.equal(answer.statusCode, 200, path);
      t.equal(answer.headers['content-encoding'], 'br', path);
      t.equal(answer.headers['x-content-type-options'], 'nosniff', path);
      if (path.startsWith('/assets/')) {
        t.match(answer.headers['cache-control'], /max-age=31536000, immutable/, path);
      }
      bytes += answer.rawPayload.length;
      // What the script loads later is counted as well.
      const text = brotliDecompressSync(answer.rawPayload).toString();
      for (const [, name] of text.matchAll(/import\("\.\/([\w.-]+)"\)/g)) chunks.add(`/assets/${name}`);
    }
    t.ok(bytes < MAX_BYTES, `${bytes} bytes`);
  });

  await t.test('serves nothing but the page', async (t) => {
    for (const path of [
      '/assets/none.js',
      '/assets/..%2findex.html',
      '/assets/..%2f..%2fserver.js',
      '/index.html',
    ]) {
      const { statusCode } = await get(path, BROWSER);
      t.ok(statusCode === 404 || statusCode === 403, `${path}: ${statusCode}`);
    }
  });

  await t.test('has a badge for a README', async (t) => {
    const badge = await get('/badge.svg');
    t.match(badge.headers['content-type'], /^image\/svg\+xml/);
    t.match(badge.body, /<title>Open in dockbox<\/title>/);
  });
});
