import t from 'tap';
import { parseSource, type Source, type SourceRequest } from '../../../lib/sources/parse.js';

const understood: [
  string,
  Partial<SourceRequest> & { url: string },
  Partial<Source> & Record<string, unknown>,
][] = [
  ['https', { url: 'https://example.com/team/repo.git' }, { kind: 'git', slug: 'repo' }],
  ['http', { url: 'http://example.com/repo' }, { kind: 'git', url: 'http://example.com/repo' }],
  ['a port', { url: 'https://example.com:8443/repo' }, { url: 'https://example.com:8443/repo' }],
  ['a slash at the end', { url: 'https://example.com/repo/' }, { url: 'https://example.com/repo' }],
  ['a fragment', { url: 'https://github.com/o/r#readme' }, { url: 'https://github.com/o/r' }],
  ['GitHub', { url: 'github.com/Octo-Org/Hello.World' }, { kind: 'git', slug: 'hello-world' }],
  ['GitHub in capitals', { url: 'GitHub.com/o/r' }, { url: 'https://github.com/o/r' }],
  ['GitLab with a subgroup', { url: 'gitlab.com/g/s/r' }, { url: 'https://gitlab.com/g/s/r', slug: 'r' }],
  [
    'git::',
    { url: 'git::https://example.com/repo.zip' },
    { kind: 'git', url: 'https://example.com/repo.zip' },
  ],
  ['git:: of a shorthand', { url: 'git::github.com/o/r' }, { url: 'https://github.com/o/r' }],
  [
    "go-getter's directory and ref",
    { url: 'git::https://example.com/repo.git//sub/dir?ref=v1' },
    { url: 'https://example.com/repo.git', directory: 'sub/dir', ref: 'v1' },
  ],
  ['a branch', { url: 'https://github.com/o/r/tree/main' }, { ref: 'main', tree: undefined }],
  [
    'a directory',
    { url: 'https://github.com/o/r/tree/main/docs/api' },
    { url: 'https://github.com/o/r', ref: 'main', directory: 'docs/api', tree: 'main/docs/api', slug: 'r' },
  ],
  ['a file', { url: 'https://github.com/o/r/blob/main/docs/x.md' }, { ref: 'main', directory: 'docs' }],
  [
    'a file at the root',
    { url: 'https://github.com/o/r/blob/main/x.md' },
    { ref: 'main', directory: undefined },
  ],
  ['a commit', { url: `https://github.com/o/r/commit/${'a'.repeat(40)}` }, { ref: 'a'.repeat(40) }],
  ['a release', { url: 'https://github.com/o/r/releases/tag/v1.0' }, { ref: 'v1.0' }],
  [
    "GitLab's directory",
    { url: 'https://gitlab.com/g/s/r/-/tree/main/src' },
    { url: 'https://gitlab.com/g/s/r', ref: 'main', directory: 'src' },
  ],
  [
    "a GitLab's of one's own",
    { url: 'https://git.example.com/g/r/-/tree/v2' },
    { url: 'https://git.example.com/g/r', ref: 'v2' },
  ],
  ['escapes', { url: 'https://github.com/o/r/tree/main/a%20b' }, { directory: 'a b' }],
  [
    'ref and directory',
    { url: 'github.com/o/r', ref: 'v1', directory: './a//b/' },
    { ref: 'v1', directory: 'a/b' },
  ],
  ['the root for a directory', { url: 'github.com/o/r', directory: '.' }, { directory: undefined }],
  [
    'a ref that ends the branch of a page',
    { url: 'https://github.com/o/r/tree/feature/x/dir', ref: 'feature/x' },
    { ref: 'feature/x', directory: 'dir', tree: undefined },
  ],
  [
    'a directory that ends the branch of a page',
    { url: 'https://github.com/o/r/tree/feature/x/dir', directory: 'dir' },
    { ref: 'feature/x', directory: 'dir', tree: undefined },
  ],
  [
    'a directory beside the page of a branch',
    { url: 'https://github.com/o/r/tree/feature/x', directory: 'dir' },
    { ref: 'feature/x', directory: 'dir' },
  ],
  [
    'tar.gz',
    { url: 'https://example.com/a/tool-1.2.tar.gz' },
    { kind: 'archive', format: 'tar.gz', slug: 'tool-1-2' },
  ],
  ['tgz', { url: 'https://example.com/tool.TGZ' }, { kind: 'archive', format: 'tar.gz', slug: 'tool' }],
  [
    'zip with a query',
    { url: 'https://example.com/tool.zip?token=a&b=c' },
    { kind: 'archive', format: 'zip', url: 'https://example.com/tool.zip?token=a&b=c' },
  ],
  [
    'a directory in an archive',
    { url: 'https://example.com/tool.zip//src' },
    { url: 'https://example.com/tool.zip', directory: 'src' },
  ],
  [
    "GitHub's archive",
    { url: 'https://github.com/o/Repo/archive/refs/heads/main.zip' },
    { kind: 'archive', slug: 'repo' },
  ],
  ['a name without letters', { url: 'https://example.com/%E6%97%A5' }, { slug: 'source' }],
  [
    's3://',
    { url: 's3://bucket/dir/a.zip' },
    { kind: 'archive', url: 'https://bucket.s3.eu-north-1.amazonaws.com/dir/a.zip', s3Region: 'eu-north-1' },
  ],
  [
    's3:// with dots in the bucket',
    { url: 's3://my.bucket/a.tgz' },
    { url: 'https://s3.eu-north-1.amazonaws.com/my.bucket/a.tgz' },
  ],
  [
    's3::',
    { url: 's3::https://bucket.s3.us-west-2.amazonaws.com/a.zip' },
    { url: 'https://bucket.s3.us-west-2.amazonaws.com/a.zip', s3Region: 'us-west-2' },
  ],
  [
    's3:: of old',
    { url: 's3::https://s3-eu-west-1.amazonaws.com/bucket/a.zip' },
    { kind: 'archive', s3Region: 'eu-west-1' },
  ],
];
for (const [what, request, expected] of understood) {
  t.test(`understands ${what}`, async (t) => {
    t.match(parseSource(request, { AWS_REGION: 'eu-north-1' }), expected);
  });
}

t.test('S3 elsewhere', async (t) => {
  const env = { AWS_ENDPOINT_URL_S3: 'https://minio.example.com:9000/' };
  t.match(parseSource({ url: 's3://bucket/a.zip' }, env), {
    url: 'https://minio.example.com:9000/bucket/a.zip',
    s3Region: 'us-east-1',
  });
});

const refused: [string, RegExp][] = [
  ['', /not a URL/],
  ['repo', /not a URL: give one that begins with "https:\/\/"/],
  ['/etc', /not a URL/],
  ['../repo', /not a URL/],
  ['example.com/repo', /not a URL/],
  ['file:///etc/passwd', /"file:\/\/" is not supported/],
  ['git::file:///etc', /"file:\/\/" is not supported/],
  ['ext::sh -c id', /spaces/],
  ['ext::sh', /"ext::" is not supported/],
  ['git::ext::sh', /not a URL/],
  ['fd::17', /"fd::" is not supported/],
  ['hg::https://example.com/repo', /"hg::" is not supported/],
  ['git://example.com/repo', /"git:\/\/" is not supported/],
  ['ftp://example.com/a.zip', /"ftp:\/\/" is not supported/],
  ['javascript:alert(1)', /not a URL/],
  ['data:,x', /not a URL/],
  ['ssh://git@github.com/o/r.git', /try "https:\/\/github.com\/o\/r.git"/],
  ['git@github.com:o/r.git', /try "https:\/\/github.com\/o\/r.git"/],
  ['git::git@github.com:o/r.git', /try "https:\/\/github.com\/o\/r.git"/],
  ['ssh://-oProxyCommand=id/x', /"ssh:\/\/" is not supported/],
  ['https://-oProxyCommand=id/x', /no valid host/],
  ['-oProxyCommand=id', /begins with "-"/],
  ['--upload-pack=id', /begins with "-"/],
  ['https://user:token@example.com/r', /user name or password/],
  ['https://token@github.com/o/r', /user name or password/],
  ['https://example.com/a b', /spaces/],
  ['https://example.com/a\nb', /control characters/],
  ['https://example.com/a\u0000b', /control characters/],
  ['https://example.com/a\u0085b', /control characters/],
  ['https://example.com\\@evil.test/', /backslashes/],
  [`https://example.com/${'a'.repeat(2048)}`, /longer than 2048/],
  ['https://', /no valid host/],
  ['https:///example.com/r', /no valid host/],
  ['https://?x', /no valid host/],
  ['https://exa mple.com/r', /spaces/],
  ['https://999.999.999.999/r', /no valid host/],
  ['https://example.com/', /names no repository/],
  ['https://github.com/owner', /names no repository/],
  ['https://github.com/o/r/pull/1', /page "\/pull"/],
  ['https://github.com/o/r/tree/..%2F..', /ref is not valid/],
  ['https://github.com/o/r/tree/-x', /ref is not valid/],
  ['https://github.com/o/r/tree/main/%2E%2E%2Fx', /directory is not valid/],
  ['https://example.com/r?depth=1', /leave out "\?depth=1"/],
  ['https://example.com/r?ref=--upload-pack%3Did', /ref is not valid/],
  ['https://example.com/r//..%2F..%2Fetc', /directory is not valid/],
  ['https://example.com/%zz', /%25/],
  ['s3://bucket', /no object/],
  ['s3://B/a.zip', /no object/],
  ['s3://bucket/a.txt', /must be an archive/],
  ['s3::https://example.com/bucket/a.zip', /not an address of S3/],
  ['s3::https://s3.amazonaws.com.evil.test/bucket/a.zip', /not an address of S3/],
  ['git::s3://bucket/a.zip', /not supported/],
];
for (const [url, message] of refused) {
  t.test(`refuses ${JSON.stringify(url.slice(0, 60))}`, async (t) => {
    t.throws(() => parseSource({ url }), { code: 'DBX_INVALID_SOURCE', statusCode: 400, message });
  });
}

t.test('does not repeat a password', async (t) => {
  t.throws(() => parseSource({ url: 'https://user:hunter2@example.com/r' }), {
    message: /^((?!hunter2).)*$/,
  });
});

const badRefs = [
  '',
  '-x',
  '--upload-pack=id',
  'a b',
  'a..b',
  'a~1',
  'a^',
  'a:b',
  'a?',
  'a*',
  'a[b',
  'a\\b',
  '/a',
  'a/',
];
badRefs.push(
  'a//b',
  'a.',
  '.a',
  'a/.b',
  'a.lock',
  'a.lock/b',
  '@',
  'a@{1}',
  'a\u007f',
  'a\n',
  'a\u00a0b',
  'a'.repeat(256),
);
for (const ref of badRefs) {
  t.test(`refuses the ref ${JSON.stringify(ref.slice(0, 20))}`, async (t) => {
    t.throws(() => parseSource({ url: 'github.com/o/r', ref }), {
      statusCode: 400,
      message: /ref is not valid/,
    });
  });
}

for (const directory of ['/etc', '..', 'a/../../b', 'a\u0000', 'a\nb', 'a'.repeat(1025)]) {
  t.test(`refuses the directory ${JSON.stringify(directory.slice(0, 20))}`, async (t) => {
    const request = { url: 'github.com/o/r', directory };
    t.throws(() => parseSource(request), { statusCode: 400, message: /directory is not valid/ });
  });
}

const contradictions: [SourceRequest, RegExp][] = [
  [{ url: 'https://github.com/o/r/tree/main', ref: 'v1' }, /The URL says "main" and "ref" says "v1"/],
  [{ url: 'https://example.com/r?ref=main', ref: 'v1' }, /The URL says "main" and "ref" says "v1"/],
  [{ url: 'https://example.com/r//a', directory: 'b' }, /The URL says "a" and "directory" says "b"/],
  [{ url: 'https://github.com/o/r/tree/v1/a', ref: 'v1', directory: 'b' }, /The URL says "a"/],
  [{ url: 'https://example.com/a.zip', ref: 'v1' }, /no branches or tags/],
];
for (const [request, message] of contradictions) {
  t.test(`refuses ${JSON.stringify(request)}`, async (t) => {
    t.throws(() => parseSource(request), { statusCode: 400, message });
  });
}
