import { lstat, readFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { startFetching } from '../../helpers/fetching.js';
import { startGitServer } from '../../helpers/git-server.js';
import { redirectTo, startHttpServer } from '../../helpers/http-server.js';

const { docker, fetch, inBox } = await startFetching(t);
const server = await startGitServer(t);

const demo = await server.createRepository('demo.git');
const first = await demo.commit({ 'README.md': 'one\n', 'src/main.py': 'print(1)\n' }, 'first');
const second = await demo.commit({ 'README.md': 'two\n' }, 'second');
await demo.git('tag', 'light');
await demo.git('tag', '-a', 'v1.0', '-m', 'release');
const featured = await demo.branch('feature/login', { 'app/src/index.ts': 'let a;\n' });
await demo.branch('both', { 'both.txt': 'branch' });
await demo.git('tag', 'both');
// A commit that no branch or tag points to, or leads to.
const hidden = await demo.branch('gone', { 'hidden.txt': 'hidden' });
await demo.git('branch', '-D', 'gone');
const tip = await demo.commit({ 'README.md': 'three\n' }, 'third');

const status = (workspace: string) => inBox(workspace, 'git', 'status', '--short', '--branch');

t.test('the default branch', async (t) => {
  const lines: string[] = [];
  const fetched = await fetch({ url: demo.url }, { onProgress: (line) => lines.push(line) });
  t.match(fetched, { commit: tip, ref: 'main', directory: undefined, warnings: [] });
  t.same(
    fetched.files.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    [
      { path: 'README.md', bytes: 6 },
      { path: 'src/main.py', bytes: 9 },
    ],
    'the files are listed, without .git',
  );
  t.equal(await readFile(path.join(fetched.workspace, 'README.md'), 'utf8'), 'three\n');
  t.match(lines.join('\n'), /FETCH_HEAD|new branch|Enumerating/, 'progress is reported');
  t.notMatch(lines.join(''), /\p{Cc}/u);
  t.equal((await lstat(fetched.workspace)).uid, 0, 'it belongs to root, as the box does');
});

t.test('the repository can be worked on', async (t) => {
  const { workspace } = await fetch({ url: demo.url });
  t.equal(await status(workspace), '## main...origin/main\n');
  t.equal(await inBox(workspace, 'git', 'log', '--format=%s'), 'third\n', 'it is shallow');
  t.equal(await inBox(workspace, 'git', 'remote', 'get-url', 'origin'), `${demo.url}\n`);

  const work = [
    'git fetch --quiet --unshallow',
    'git -c user.name=a -c user.email=a@b commit --quiet --allow-empty -m mine',
    'git status --short --branch',
    'git log --format=%s',
    'git branch --remotes',
  ];
  const said = await inBox(workspace, 'bash', '-ec', work.join('\n'));
  t.match(said, '## main...origin/main [ahead 1]\n');
  t.match(said, 'mine\nthird\nsecond\nfirst\n');
  t.match(said, 'origin/feature/login');
});

t.test('nothing of the fetch stays in the configuration', async (t) => {
  const { workspace } = await fetch({ url: demo.url });
  const config = await readFile(path.join(workspace, '.git/config'), 'utf8');
  t.notMatch(config.replace(demo.url, ''), /http|protocol|curl|hooks/i);
  t.notMatch(await inBox(workspace, 'ls', '.git'), 'hooks');
});

const refs: [string, string, object][] = [
  ['branch', 'feature/login', { ref: 'feature/login', commit: featured }],
  ['full name of a branch', 'refs/heads/feature/login', { ref: 'feature/login', commit: featured }],
  ['lightweight tag', 'light', { ref: 'light', commit: second }],
  ['annotated tag', 'v1.0', { ref: 'v1.0', commit: second }],
  ['full name of a tag', 'refs/tags/both', { ref: 'both', commit: second }],
  ['commit', tip, { ref: tip, commit: tip }],
  ['commit in the history', first, { ref: first, commit: first }],
  ['commit that nothing leads to', hidden, { ref: hidden, commit: hidden }],
  ['abbreviated commit', first.slice(0, 8), { ref: first.slice(0, 8), commit: first }],
];
for (const [what, ref, expected] of refs) {
  t.test(`a ${what}`, async (t) => {
    const fetched = await fetch({ url: demo.url, ref });
    t.match(fetched, expected);
    t.notMatch(await status(fetched.workspace), /^ ?[MADRU?]/m, 'the work tree is clean');
  });
}

t.test('a branch comes before a tag of its name', async (t) => {
  const { files, workspace } = await fetch({ url: demo.url, ref: 'both' });
  t.ok(files.some((file) => file.path === 'both.txt'));
  t.equal(await status(workspace), '## both...origin/both\n');
});

t.test('a page of a directory in a branch with slashes in its name', async (t) => {
  const fetched = await fetch({ url: `${demo.url}/-/tree/feature/login/app/src` });
  t.match(fetched, { ref: 'feature/login', directory: 'app/src', commit: featured });
  t.same(fetched.files, [{ path: 'app/src/index.ts', bytes: 7 }], 'only its files are listed');
  t.equal(await readFile(path.join(fetched.workspace, 'README.md'), 'utf8'), 'two\n', 'all of it is there');
});

t.test('an older server', async (t) => {
  const old = await startGitServer(t, { protocol: 0 });
  const repository = await old.createRepository('old.git');
  const early = await repository.commit({ a: 'a' });
  const lost = await repository.branch('lost', { b: 'b' });
  await repository.git('branch', '-D', 'lost');
  const late = await repository.commit({ a: 'aa' });
  t.match(await fetch({ url: repository.url }), { ref: 'main', commit: late });
  t.match(await fetch({ url: repository.url, ref: early }), { commit: early }, 'from the whole history');

  await t.rejects(fetch({ url: repository.url, ref: lost }), { code: 'DBX_SOURCE_UNAVAILABLE' });
  await repository.git('config', 'uploadpack.allowAnySHA1InWant', 'true');
  t.match(await fetch({ url: repository.url, ref: lost }), { commit: lost }, 'if the server allows');
});

t.test('a redirect is followed, and the given address remembered', async (t) => {
  const front = await startHttpServer(
    t,
    redirectTo((asked) => `${server.url}${asked.replace('/old', '/demo.git')}`),
  );
  const fetched = await fetch({ url: `${front.url}/old` });
  t.equal(fetched.commit, tip);
  t.same(front.requests, ['GET /old/info/refs?service=git-upload-pack'], 'and Git itself does not ask there');
  t.match(await inBox(fetched.workspace, 'git', 'remote', 'get-url', 'origin'), `${front.url}/old`);
});

t.test('Git connects to the address that was checked', async (t) => {
  const url = demo.url.replace('127.0.0.1', 'source.test');
  const resolve = async () => [{ address: '127.0.0.1', family: 4 }];
  t.equal((await fetch({ url }, { resolve })).commit, tip, 'though no resolver of its own knows it');
});

t.test('a source on another address than loopback', async (t) => {
  const bridge = await docker.getNetwork('bridge').inspect();
  const gateway = await startGitServer(t, { host: bridge.IPAM?.Config?.[0]?.Gateway });
  const repository = await gateway.createRepository('bridged.git');
  const commit = await repository.commit({ a: 'a' });
  t.equal((await fetch({ url: repository.url })).commit, commit);
});

t.test('a repository with SHA-256', async (t) => {
  const repository = await server.createRepository('sha256.git', '--object-format=sha256');
  const commit = await repository.commit({ a: 'a' });
  t.equal(commit.length, 64);
  t.match(await fetch({ url: repository.url }), { ref: 'main', commit });
});

t.test('devcontainer.json', async (t) => {
  const repository = await server.createRepository('devcontainer.git');
  await repository.commit({
    '.devcontainer/devcontainer.json': '{ "image": "root" }',
    'plain/file': '',
    'own/.devcontainer.json': '{ "image": "own" } // comment\n',
  });
  t.equal((await fetch({ url: repository.url })).devcontainer, '{ "image": "root" }');
  t.equal((await fetch({ url: repository.url, directory: 'plain' })).devcontainer, '{ "image": "root" }');
  t.match((await fetch({ url: repository.url, directory: 'own' })).devcontainer, '"own"');
});

const failures: [string, { url: string; ref?: string; directory?: string }, RegExp][] = [
  ['no repository', { url: `${server.url}/none.git` }, /\/none\.git was not found: check the URL/],
  ['no such ref', { url: demo.url, ref: 'nowhere' }, /no branch, tag or commit "nowhere"/],
  ['no such page', { url: `${demo.url}/-/tree/nowhere/dir` }, /"nowhere\/dir"/],
  ['no such commit', { url: demo.url, ref: 'f'.repeat(40) }, /no commit "f{40}"/],
  ['no such directory', { url: demo.url, directory: 'nowhere' }, /no directory "nowhere"/],
  ['a file for a directory', { url: demo.url, directory: 'README.md' }, /no directory "README.md"/],
];
for (const [what, request, message] of failures) {
  t.test(what, async (t) => {
    await t.rejects(fetch(request), { statusCode: 422, code: 'DBX_SOURCE_UNAVAILABLE', message });
  });
}

t.test('an empty repository', async (t) => {
  const { url } = await server.createRepository('empty.git');
  await t.rejects(fetch({ url }), { statusCode: 422, message: /is empty/ });
});
