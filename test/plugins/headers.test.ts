import t from 'tap';
import { startApp } from '../helpers/app.js';
import { call } from '../helpers/client.js';

t.test('no answer of the API is more to a browser than it is', async (t) => {
  const app = await startApp(t, { REQUESTS_PER_MINUTE: '3' });
  const answers = [
    ['GET', '/health', 200],
    ['GET', '/v1/dockbox', 200],
    ['GET', '/v1/dockbox/nowhere', 404],
    ['POST', '/v1/dockbox', 400],
    ['GET', '/v1/dockbox', 429],
    ['GET', '/nowhere', 404],
  ] as const;
  for (const [method, path, status] of answers) {
    const answer = await call(app, method, path);
    t.equal(answer.status, status, `${method} ${path}`);
    t.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    t.match(answer.headers.get('content-security-policy'), /default-src 'none'.*frame-ancestors 'none'/);
    t.equal(answer.headers.get('referrer-policy'), 'no-referrer');
  }
});
