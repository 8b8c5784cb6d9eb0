import t from 'tap';
import { startApp } from '../helpers/app.js';

t.test('the pages at /docs', async (t) => {
  const app = await startApp(t);
  const page = await fetch(`${app.base}/docs`);
  const html = await page.text();

  await t.test('are served with all that they load', async (t) => {
    t.equal(page.status, 200);
    const loaded = [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, address]) => address ?? '');
    t.ok(loaded.length > 0);
    for (const address of loaded) {
      const url = new URL(address, app.base);
      t.equal(url.origin, app.base, `${address} is here`);
      const response = await fetch(url);
      t.equal(response.status, 200, address);
      await response.arrayBuffer();
    }
  });

  await t.test('may load nothing from elsewhere', (t) => {
    const policy = page.headers.get('content-security-policy') ?? '';
    const sources = policy.split(';').flatMap((directive) => directive.trim().split(' ').slice(1));
    t.match(policy, /default-src 'none'/);
    t.strictSame([...new Set(sources)].sort(), ["'none'", "'self'", "'unsafe-inline'", 'data:']);
    t.end();
  });

  await t.test('show the document of /openapi.json', async (t) => {
    const [shown, document] = await Promise.all(
      ['/docs/json', '/openapi.json'].map(async (path) => (await fetch(`${app.base}${path}`)).json()),
    );
    t.strictSame(shown, document);
  });
});
