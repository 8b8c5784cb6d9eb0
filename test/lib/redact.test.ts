import t from 'tap';
import { makeSecret } from '../../lib/auth/secret.js';
import { redact, redactUrl } from '../../lib/redact.js';

t.test('secrets are taken out of texts, wherever they stand', (t) => {
  const jwt = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbmEifQ.c2lnbmF0dXJl';
  const protocol = `base64url.bearer.authorization.k8s.io.${Buffer.from(makeSecret('key')).toString('base64url')}`;
  for (const secret of [makeSecret('key'), makeSecret('session'), makeSecret('ticket'), jwt, protocol]) {
    for (const [before, after] of [
      ['{"key":"', '"}'],
      ['Bearer ', ''],
      ['/v1?ticket=', '&cols=80'],
      ['cookie=', '; a=b'],
    ]) {
      t.equal(redact(`${before}${secret}${after}`), `${before}[redacted]${after}`);
    }
  }
  t.end();
});

t.test('what is no secret stays', (t) => {
  for (const text of [
    'a box dbx',
    'dbx_short',
    'GET /v1/dockbox/dbx-demo',
    '{"url":"https://example.com/eyJ.zip"}',
  ]) {
    t.equal(redact(text), text);
  }
  t.end();
});

t.test('addresses with a ticket lose their query, however it is written', (t) => {
  for (const query of [
    'ticket=a',
    'cols=80&ticket=a',
    '%74icket=a',
    'ticket',
    'a=?&ticket=a',
    'ticket=a&ticket=b',
  ]) {
    t.equal(redactUrl(`/v1/dockbox/ws/demo?${query}`), '/v1/dockbox/ws/demo?ticket=[redacted]', query);
  }
  for (const url of ['/v1/dockbox', '/v1/dockbox?limit=1', '/v1/dockbox/ws/ticket?cols=80'])
    t.equal(redactUrl(url), url);
  t.end();
});
