import { createHash, createHmac } from 'node:crypto';
import { lstat, readFile, readlink } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import path from 'node:path';
import t from 'tap';
import { tarGz, zip } from '../../helpers/archives.js';
import { startFetching } from '../../helpers/fetching.js';
import { redirectTo, serve, startHttpServer } from '../../helpers/http-server.js';

const { fetch, inBox } = await startFetching(t);

const entries = [
  { name: 'demo-main/README.md', content: 'hello\n' },
  { name: 'demo-main/.devcontainer.json', content: '{ "image": "node:22" }' },
  { name: 'demo-main/bin/run.sh', content: '#!/bin/sh\n', mode: 0o4755 },
  { name: 'demo-main/passwd', link: '/etc/passwd' },
];
const flat = [
  { name: 'a.txt', content: 'a' },
  { name: 'dir/b.txt', content: 'b' },
];

const server = await startHttpServer(
  t,
  serve({
    '/demo.tar.gz': tarGz(entries),
    '/demo.tgz': tarGz(entries),
    '/demo.zip': zip(entries),
    '/flat.tar.gz': tarGz(flat),
    '/flat.zip': zip(flat),
    '/moved.zip': redirectTo('/demo.zip'),
  }),
);

for (const name of ['demo.tar.gz', 'demo.tgz', 'demo.zip', 'moved.zip', 'demo.zip?token=a%20b']) {
  t.test(name, async (t) => {
    const { workspace, ...fetched } = await fetch({ url: `${server.url}/${name}` });
    const file = (name: string) => path.join(workspace, name);
    t.same(
      fetched.files.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
      [
        { path: '.devcontainer.json', bytes: 22 },
        { path: 'README.md', bytes: 6 },
        { path: 'bin/run.sh', bytes: 10 },
      ],
      'the one directory at its top is left out',
    );
    t.match(fetched, {
      devcontainer: '{ "image": "node:22" }',
      warnings: [],
      commit: undefined,
      ref: undefined,
    });
    t.equal(await readFile(file('README.md'), 'utf8'), 'hello\n');
    t.equal((await lstat(file('bin/run.sh'))).mode & 0o7777, 0o755, 'executable, and not setuid');
    t.equal((await lstat(file('README.md'))).uid, 0);
    t.equal(await readlink(file('passwd')), '/etc/passwd', 'a link is content');
    t.equal(
      await inBox(workspace, 'ls', '-A'),
      '.devcontainer.json\nREADME.md\nbin\npasswd\n',
      'nothing else',
    );
  });
}

for (const name of ['flat.tar.gz', 'flat.zip']) {
  t.test(`${name}, with more than one thing at its top`, async (t) => {
    const { files } = await fetch({ url: `${server.url}/${name}` });
    t.same(files.map((file) => file.path).toSorted(), ['a.txt', 'dir/b.txt']);
  });
}

t.test('a directory of an archive', async (t) => {
  const fetched = await fetch({ url: `${server.url}/flat.zip`, directory: 'dir' });
  t.match(fetched, { directory: 'dir', files: [{ path: 'dir/b.txt', bytes: 1 }] });
  await t.rejects(fetch({ url: `${server.url}/flat.zip`, directory: 'none' }), {
    statusCode: 422,
    message: 'There is no directory "none" in the source.',
  });
});

t.test('progress', async (t) => {
  const lines: string[] = [];
  await fetch({ url: `${server.url}/flat.zip` }, { onProgress: (line) => lines.push(line) });
  t.match(lines, [/Downloading \d+ bytes/]);
});

const failures: [string, Buffer | string, RegExp][] = [
  ['page.tar.gz', '<html>', /no archive of its kind, or a damaged one \(gzip: stdin: not in gzip format\)/],
  ['page.zip', '<html>', /no archive of its kind, or a damaged one/],
  ['cut.tar.gz', tarGz(entries).subarray(0, 100), /damaged/],
  ['cut.zip', zip(entries).subarray(0, -40), /damaged/],
  ['nothing.tar.gz', '', /damaged|empty/],
  ['empty.tar.gz', tarGz([]), /The archive is empty/],
  ['empty.zip', zip([]), /empty|damaged/],
];
for (const [name, body, message] of failures) {
  t.test(name, async (t) => {
    const { url } = await startHttpServer(t, serve({ [`/${name}`]: body }));
    await t.rejects(fetch({ url: `${url}/${name}` }), {
      statusCode: 422,
      code: 'DBX_SOURCE_UNAVAILABLE',
      message,
    });
  });
}

t.test('S3', async (t) => {
  const authorizations: (string | undefined)[] = [];
  const s3 = await startHttpServer(t, (request, response) => {
    authorizations.push(request.headers.authorization);
    const signed = isSigned(request, { accessKeyId: 'AKIATEST', secret: 'secret', region: 'eu-west-1' });
    const known = request.url === '/bucket/dir/flat%20one.zip';
    response.writeHead(signed ? (known ? 200 : 404) : 403).end(zip(flat));
  });
  const env = {
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'AKIATEST',
    AWS_SECRET_ACCESS_KEY: 'secret',
  };
  t.equal((await fetch({ url: 's3://bucket/dir/flat%20one.zip' }, { env })).files.length, 2);
  t.equal((await fetch({ url: `s3::${s3.url}/bucket/dir/flat%20one.zip` }, { env })).files.length, 2);
  await t.rejects(fetch({ url: 's3://bucket/none.zip' }, { env }), { statusCode: 422, message: /not found/ });
  await t.rejects(
    fetch({ url: 's3://bucket/dir/flat%20one.zip' }, { env: { ...env, AWS_SECRET_ACCESS_KEY: 'wrong' } }),
    { statusCode: 422, message: /needs authentication/ },
  );

  await t.rejects(
    fetch({ url: 's3://bucket/dir/flat%20one.zip' }, { env: { AWS_ENDPOINT_URL_S3: s3.url } }),
    { message: /needs authentication/ },
  );
  t.equal(authorizations.at(-1), undefined, 'without credentials it is not signed');

  await fetch({ url: `${s3.url}/bucket/dir/flat%20one.zip` }, { env }).catch(() => {});
  t.equal(authorizations.at(-1), undefined, 'nor is what was not given as an object in S3');
});

t.test('what signs for S3 is not sent to whom it redirects to', async (t) => {
  const elsewhere = await startHttpServer(t, (request, response) => {
    t.equal(request.headers.authorization, undefined);
    t.equal(request.headers['x-amz-security-token'], undefined);
    response.end(zip(flat));
  });
  const s3 = await startHttpServer(t, redirectTo(`${elsewhere.url}/flat.zip`));
  const env = {
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_ACCESS_KEY_ID: 'AKIATEST',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_SESSION_TOKEN: 'session',
  };
  t.equal((await fetch({ url: 's3://bucket/flat.zip' }, { env })).files.length, 2);
  t.equal(elsewhere.requests.length, 1);
});

type Key = { accessKeyId: string; secret: string; region: string };

/** Verifies a request as S3 does (AWS Signature Version 4), without the signer's code. */
function isSigned(
  { headers, method, url = '' }: IncomingMessage,
  { accessKeyId, secret, region }: Key,
): boolean {
  const pattern =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^,]+), SignedHeaders=([^,]+), Signature=(\w+)$/;
  const [, id, date = '', scope, names = '', signature] = pattern.exec(headers.authorization ?? '') ?? [];
  const hash = (text: string) => createHash('sha256').update(text).digest('hex');
  const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

  const [pathname = '', query = ''] = url.split('?');
  const canonical = [
    method,
    pathname,
    query,
    ...names.split(';').map((name) => `${name}:${headers[name]}`),
    '',
    names,
    headers['x-amz-content-sha256'],
  ].join('\n');
  const text = `AWS4-HMAC-SHA256\n${headers['x-amz-date']}\n${date}/${scope}\n${hash(canonical)}`;
  const key = [date, region, 's3', 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${secret}`);
  return (
    id === accessKeyId &&
    scope === `${region}/s3/aws4_request` &&
    hmac(key, text).toString('hex') === signature
  );
}
