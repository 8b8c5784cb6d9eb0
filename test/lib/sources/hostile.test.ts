import assert from 'node:assert/strict';
import { readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import type { FetchOptions } from '../../../lib/sources/fetch.js';
import { encodePackets } from '../../../lib/sources/pkt-line.js';
import { tarGz, zip } from '../../helpers/archives.js';
import { startFetching } from '../../helpers/fetching.js';
import { startGitServer } from '../../helpers/git-server.js';
import { endless, type Handler, redirectTo, serve, startHttpServer } from '../../helpers/http-server.js';

const { fetch, inBox, containers } = await startFetching(t);

/** Nobody but a deceived fetch comes here. */
const canary = await startHttpServer(t, (_request, response) => response.end());
t.afterEach(async () => {
  assert.deepEqual(canary.requests, [], 'nothing was led astray');
  assert.deepEqual(await containers(), [], 'no container is left');
});

type Expected = { statusCode: number; message: RegExp };

function refuses(
  what: string,
  path: string,
  handler: Handler,
  expected: Expected,
  options?: Partial<FetchOptions>,
) {
  t.test(`refuses ${what}`, async (t) => {
    const { url } = await startHttpServer(t, handler);
    await t.rejects(fetch({ url: url + path }, options), expected);
  });
}

const forbidden = { statusCode: 403, message: /never fetched from/ };
for (const path of ['/repo.git', '/a.zip']) {
  const what = `of ${path} to`;
  refuses(
    `a redirect ${what} a metadata address`,
    path,
    redirectTo('http://169.254.169.254/latest/'),
    forbidden,
  );
  refuses(`a redirect ${what} a disguised one`, path, redirectTo('http://[::ffff:a9fe:a9fe]/'), forbidden);
  const astray = { statusCode: 422, message: /redirects to an address that is not fetched from/ };
  refuses(`a redirect ${what} file:`, path, redirectTo('file:///etc/passwd'), astray);
  refuses(`a redirect ${what} a password`, path, redirectTo('http://a:b@127.0.0.1/'), astray);
  refuses(`a redirect ${what} nothing`, path, redirectTo('http://'), astray);
  const loop = { statusCode: 422, message: /redirects more than 5 times/ };
  refuses(
    `a redirect ${what} itself`,
    path,
    redirectTo((asked) => asked),
    loop,
  );
}

refuses(
  'a repository that redirects to something else',
  '/repo.git',
  (request, response) =>
    request.url === '/page' ? response.end() : response.writeHead(302, { Location: '/page' }).end(),
  { statusCode: 422, message: /is not a Git repository/ },
);

refuses(
  'a branch whose name has a NUL in it, and what it would set after that',
  '/repo.git',
  ({ method }, response) => {
    const kind = method === 'POST' ? 'result' : 'advertisement';
    const name = `refs/heads/main\0FETCH_URL=${canary.url}`;
    response.setHeader('Content-Type', `application/x-git-upload-pack-${kind}`);
    response.end(
      encodePackets(
        method === 'POST' ? [`${'a'.repeat(40)} HEAD symref-target:${name}`] : ['version 2', 'ls-refs'],
      ),
    );
  },
  { statusCode: 422, message: /no commit "a{40}"/ },
);

refuses('a redirect by name', '/a.zip', redirectTo('http://inside.test/'), forbidden, {
  resolve: async () => [{ address: '169.254.169.254', family: 4 }],
});

t.test('refuses a private address, and sends nothing to it', async (t) => {
  const { url, requests } = await startHttpServer(t, serve({}));
  await t.rejects(fetch({ url: `${url}/a.zip` }, { allowPrivate: false }), {
    statusCode: 403,
    message: /not a public address/,
  });
  t.same(requests, []);
});

t.test('refuses a name that means another address a moment later', async (t) => {
  const server = await startGitServer(t);
  const { url } = await server.createRepository('repo.git');
  let lookups = 0;
  const resolve = async () => [{ address: lookups++ === 0 ? '127.0.0.1' : '169.254.169.254', family: 4 }];
  await t.rejects(fetch({ url: url.replace('127.0.0.1', 'rebound.test') }, { resolve }), forbidden);
});

// The server's own requests are answered well, and Git's, which come second, are not.
const isGit = (userAgent = '') => !userAgent.includes('dockbox');

t.test('Git itself follows no redirect', async (t) => {
  for (const method of ['GET', 'POST']) {
    const server = await startGitServer(t, {
      intercept({ headers, method: asked }, response) {
        if (!isGit(headers['user-agent']) || asked !== method) return false;
        response.writeHead(302, { Location: `${canary.url}/repo.git/info/refs` }).end();
        return true;
      },
    });
    const repository = await server.createRepository('repo.git');
    await repository.commit({ a: 'a' });
    await t.rejects(fetch({ url: repository.url }), { statusCode: 422, message: /could not be fetched/ });
  }
});

t.test('Git follows no alternates of the dumb protocol', async (t) => {
  const id = 'a'.repeat(40);
  const server = await startGitServer(t, {
    intercept({ headers, url = '' }, response) {
      if (!isGit(headers['user-agent'])) return false;
      const text = url.includes('/info/refs')
        ? `${id}\trefs/heads/main\n`
        : url.endsWith('/HEAD')
          ? 'ref: refs/heads/main\n'
          : url.endsWith('alternates')
            ? `${canary.url}/objects\n`
            : undefined;
      response.writeHead(text === undefined ? 404 : 200).end(text);
      return true;
    },
  });
  const repository = await server.createRepository('repo.git');
  await repository.commit({ a: 'a' });
  await t.rejects(fetch({ url: repository.url }), { statusCode: 422, message: /could not be fetched/ });
});

const answers: [string, string, RegExp][] = [
  ['no packets', 'zzzz', /does not answer as a Git server does/],
  ['a packet that is cut', '00ff# service', /does not answer as a Git server does/],
  ['no refs', '0000', /is empty/],
  ['refs that are none', '000aid ref0000', /is empty/],
];
for (const [what, body, message] of answers) {
  const handler: Handler = (_request, response) =>
    response.writeHead(200, { 'Content-Type': 'application/x-git-upload-pack-advertisement' }).end(body);
  refuses(`a Git server that answers with ${what}`, '/repo.git', handler, { statusCode: 422, message });
}

t.test('a default branch that looks like an option', async (t) => {
  const id = 'a'.repeat(40);
  const line = `${id} HEAD\0symref=HEAD:refs/heads/--upload-pack=id\n`;
  const { url } = await startHttpServer(t, (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'application/x-git-upload-pack-advertisement' });
    response.end(`${(line.length + 4).toString(16).padStart(4, '0')}${line}0000`);
  });
  await t.rejects(fetch({ url: `${url}/r` }), { statusCode: 422, message: /./ });
});

t.test('a repository that would run something', async (t) => {
  const server = await startGitServer(t);
  const repository = await server.createRepository('hostile.git');
  const submodule = await server.createRepository('submodule.git');
  await submodule.commit({ secret: 'secret' });
  const run = '#!/bin/sh\ntouch /workspace/ran\n';
  await repository.commit({
    '.gitattributes': '* filter=evil diff=evil merge=evil\n',
    '.gitconfig': '[filter "evil"]\n\tsmudge = touch /workspace/ran\n',
    '.githooks/post-checkout': run,
    'hooks/post-checkout': run,
    '.lfsconfig': `[lfs]\n\turl = ${canary.url}\n`,
    config: '[core]\n\tfsmonitor = touch /workspace/ran\n',
  });
  await repository.git('-c', 'protocol.file.allow=always', 'submodule', 'add', submodule.directory, 'local');
  await repository.git('commit', '-m', 'submodule');
  await repository.link('passwd', '/etc/passwd');
  await repository.link('up', '../../..');

  const { workspace, files } = await fetch({ url: repository.url });
  t.equal(
    await inBox(workspace, 'sh', '-c', 'ls ran local .git/hooks .git/modules 2>/dev/null'),
    'local:\n',
    'nothing ran',
  );
  t.equal(await readlink(path.join(workspace, 'passwd')), '/etc/passwd', 'a link stays one');
  t.notOk(
    files.some((file) => /passwd|up\/|submodule/.test(file.path)),
    'and is not listed',
  );
  await t.rejects(fetch({ url: repository.url, directory: 'up' }), { message: /no directory "up"/ });
  await t.rejects(fetch({ url: repository.url, directory: 'passwd' }), { message: /no directory "passwd"/ });
});

t.test('an archive with a repository that would run something', async (t) => {
  const config = '[core]\n\tfsmonitor = touch /workspace/ran\n\tsshCommand = touch /workspace/ran\n';
  const body = tarGz([
    { name: '.git/config', content: config },
    { name: '.git/HEAD', content: 'ref: refs/heads/main\n' },
    { name: '.git/refs/' },
    { name: '.git/objects/' },
    { name: 'a.c', content: 'int a;' },
  ]);
  const { url } = await startHttpServer(t, serve({ '/a.tgz': body }));
  const { workspace, files } = await fetch({ url: `${url}/a.tgz` });
  t.same(files, [{ path: 'a.c', bytes: 6 }]);
  t.equal(
    await readFile(path.join(workspace, '.git/config'), 'utf8'),
    config,
    'it is content like any other',
  );
  t.notMatch(await inBox(workspace, 'ls'), 'ran', 'Git is not run on it');
});

const leads = { statusCode: 422, message: /absolute names, or names with "\.\."/ };
const broken = { statusCode: 422, message: /damaged/ };
const archives: [string, string, Buffer, Expected][] = [
  ['tar that leads out', '/a.tgz', tarGz([{ name: '../escape', content: 'x' }]), leads],
  ['tar that leads out from within', '/a.tgz', tarGz([{ name: 'a/../../escape', content: 'x' }]), leads],
  ['tar with absolute names', '/a.tgz', tarGz([{ name: '/tmp/escape', content: 'x' }]), leads],
  [
    'tar that writes through a link',
    '/a.tgz',
    tarGz([
      { name: 'link', link: '/tmp' },
      { name: 'link/escape', content: 'x' },
    ]),
    broken,
  ],
  [
    'tar that writes through a relative link',
    '/a.tgz',
    tarGz([
      { name: 'link', link: '../..' },
      { name: 'link/escape', content: 'x' },
    ]),
    broken,
  ],
  ['tar with a device', '/a.tgz', tarGz([{ name: 'null', device: true }]), broken],
  ['zip that leads out', '/a.zip', zip([{ name: '../escape', content: 'x' }]), leads],
  ['zip that leads out by backslashes', '/a.zip', zip([{ name: 'a\\..\\..\\escape', content: 'x' }]), leads],
  [
    'zip that writes through a link',
    '/a.zip',
    zip([
      { name: 'link', link: '/tmp' },
      { name: 'link/escape', content: 'x' },
    ]),
    broken,
  ],
  ['zip with absolute names', '/a.zip', zip([{ name: '/tmp/escape', content: 'x' }]), leads],
];
refuses('an endless body that is no archive', '/a.tgz', endless(), broken);
for (const [what, path, body, expected] of archives) {
  refuses(`a ${what}`, path, serve({ [path]: body }), expected);
}

t.test('names that could be taken for options or commands', async (t) => {
  const names = ['-rf', '--help', '$(touch ran)', 'a\nb', '; touch ran', '*'];
  const body = tarGz(names.map((name) => ({ name, content: 'x' })));
  const { url } = await startHttpServer(t, serve({ '/a.tgz': body }));
  const { files } = await fetch({ url: `${url}/a.tgz` });
  t.same(files.map((file) => file.path).toSorted(), names.toSorted());
});

t.test('a ref and a directory with the characters of a shell', async (t) => {
  const server = await startGitServer(t);
  const repository = await server.createRepository('shell.git');
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's to expand.
  const name = '$(touch${IFS}ran);`id`"\'&|';
  await repository.commit({ a: 'a' });
  await repository.branch(name, { [`dir ${name}/a`]: 'a' });
  const fetched = await fetch({ url: repository.url, ref: name, directory: `dir ${name}` });
  t.same(fetched.files, [{ path: `dir ${name}/a`, bytes: 1 }]);
  t.equal(await inBox(fetched.workspace, 'git', 'status', '--short'), '');
});
