import { formatLink, parseLink } from 'dockbox-client';
import t from 'tap';

t.test('a link tells again what it was made of', (t) => {
  const links = [
    { baseUrl: 'https://dockbox.example.com', box: 'demo' },
    { baseUrl: 'http://localhost:3000', box: 'demo', terminal: 'build' },
    { baseUrl: 'https://example.com/boxes', box: 'demo', ticket: 'dbt_a-_', readonly: false },
    {
      baseUrl: 'https://example.com',
      box: 'a/b?#%',
      terminal: 'c d&',
      ticket: 'x&readonly=1#',
      readonly: true,
    },
  ];
  for (const link of links) t.strictSame(parseLink(formatLink(link)), link);
  t.end();
});

t.test('it is sent to no server: its part after the # has all that is secret', (t) => {
  const link = formatLink({ baseUrl: 'https://example.com/', box: 'demo', ticket: 'dbt_x', readonly: true });
  t.equal(link, 'https://example.com/#/demo?ticket=dbt_x&readonly');
  t.end();
});

t.test('what is no link is none', (t) => {
  for (const text of [
    '',
    'demo',
    '#/demo',
    'https://example.com',
    'https://example.com/#',
    'https://e.com/#/',
  ]) {
    t.equal(parseLink(text), undefined, text);
  }
  t.equal(parseLink('file:///#/demo'), undefined);
  t.equal(parseLink('https://example.com/#/%E0%A4%A'), undefined);
  t.end();
});
