import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as linguist from 'linguist-languages';
import t from 'tap';
import { chooseImage } from '../../../lib/images/choose.js';
import { normalizeImage } from '../../../lib/images/pull.js';
import { projectRoot } from '../../../lib/paths.js';

const table: Record<string, string> = JSON.parse(
  readFileSync(path.join(projectRoot, 'images', 'languages.json'), 'utf8'),
);
const baseImage = 'dockbox/base';

/** A source's files, from their sizes by path. */
const files = (sizes: Record<string, number>) =>
  Object.entries(sizes).map(([path, bytes]) => ({ path, bytes }));

const go = files({ 'main.go': 4000, 'go.mod': 100 });

t.test('the image is, in this order,', async (t) => {
  const devcontainer = '{ "image": "mcr.microsoft.com/devcontainers/base:1" }';

  t.strictSame(
    chooseImage({ requested: 'team/own:2', devcontainer, files: go, baseImage }),
    { image: 'team/own:2', requested: true, warnings: [] },
    'the one that the request names',
  );
  t.strictSame(
    chooseImage({ devcontainer, files: go, baseImage }),
    { image: 'mcr.microsoft.com/devcontainers/base:1', requested: false, warnings: [] },
    'that of the devcontainer.json',
  );
  t.strictSame(
    chooseImage({ files: go, baseImage }),
    { image: table.Go, requested: false, warnings: [] },
    'that of the language',
  );
  t.strictSame(
    chooseImage({ files: files({ LICENSE: 1000 }), baseImage }),
    { image: baseImage, requested: false, warnings: [] },
    'the base image',
  );
});

t.test('the image of a source in', async (t) => {
  const sources: [what: string, sizes: Record<string, number>, language: string | undefined][] = [
    [
      'Go with vendored JavaScript',
      { 'cmd/main.go': 3000, 'web/vendor/react.js': 90_000, 'web/node_modules/d3/index.js': 80_000 },
      'Go',
    ],
    ['Go with what protoc made', { 'main.go': 3000, 'api/api.pb.go': 1, 'ui/app.min.js': 99_000 }, 'Go'],
    [
      'TypeScript',
      { 'src/index.ts': 9000, 'src/app.tsx': 2000, 'build.js': 3000, 'package.json': 50_000 },
      'TypeScript',
    ],
    ['JavaScript with typings', { 'index.js': 3000, 'index.d.ts': 9000 }, 'JavaScript'],
    ['C, by its headers too', { 'lib.h': 5000, 'lib.c': 5000, 'test.py': 6000 }, 'C'],
    ['headers alone', { 'include/all.h': 5000 }, 'C'],
    ['C++', { 'src/main.cpp': 9000, 'src/main.h': 2000, 'CMakeLists.txt': 20_000 }, 'C++'],
    ['Rust, which shares .rs with RenderScript', { 'src/main.rs': 2000, 'Cargo.toml': 90_000 }, 'Rust'],
    ['Python, with notebooks that weigh more', { 'app.py': 2000, 'notes.ipynb': 2_000_000 }, 'Python'],
    ['Java', { 'src/main/java/App.java': 4000, 'pom.xml': 9000 }, 'Java'],
    ['C#, which shares .cs with Smalltalk', { 'Program.cs': 900, 'App.csproj': 4000 }, 'C#'],
    ['PHP, which shares .php with Hack', { 'index.php': 900 }, 'PHP'],
    ['Perl, which shares .pl with Prolog', { 'bin/tool.pl': 900, 'lib/Tool.pm': 900 }, 'Perl'],
    ['R, which shares .r with Rebol', { 'analysis.R': 900 }, 'R'],
    ['Ruby, by names without an extension', { Rakefile: 900, Gemfile: 900 }, 'Ruby'],
    ['capitals', { 'MAIN.PY': 900 }, 'Python'],
    ['a hidden directory and one file', { '.github/scripts/a.js': 9000, 'a.rb': 10 }, 'Ruby'],
    ['a Dockerfile alone', { Dockerfile: 900 }, undefined],
    ['prose', { 'README.md': 9000, 'docs/guide.rst': 9000, LICENSE: 1000 }, undefined],
    ['shell', { 'install.sh': 900, 'README.md': 9000 }, undefined],
    ['nothing', {}, undefined],
  ];
  for (const [what, sizes, language] of sources) {
    const { image, warnings } = chooseImage({ files: files(sizes), baseImage });
    t.equal(image, language === undefined ? baseImage : table[language], what);
    t.strictSame(warnings, [], `${what}: no warning`);
  }
});

t.test('a language without an image is told', (t) => {
  const { image, warnings } = chooseImage({ files: files({ 'main.zig': 900 }), baseImage });
  t.equal(image, baseImage);
  t.match(warnings, [/no image for Zig.*Name one in "image"/]);
  t.end();
});

t.test('a devcontainer.json', async (t) => {
  const choose = (devcontainer: string) => chooseImage({ devcontainer, files: go, baseImage });

  t.match(
    choose('{\n  // The image\n  "image": "node:22", /* and more */\n  "features": {},\n}'),
    { image: 'node:22', warnings: [] },
    'may have comments and trailing commas',
  );
  t.match(choose('{ "image": "node" }'), { image: 'node:latest' }, 'may name an image without a tag');
  const unusable: [what: string, text: string, warning: RegExp][] = [
    ['that builds an image', '{ "build": { "dockerfile": "Dockerfile" } }', /names no image/],
    ['whose image is no text', '{ "image": 7 }', /not a text/],
    ['whose image is no reference', '{ "image": "-v /:/host" }', /not an image reference/],
    ['with a variable', `{ "image": "\${localEnv:IMAGE}" }`, /not an image reference/],
    ['that is a list', '["node"]', /names no image|not a JSON object/],
    ['that is not JSON', 'image: node', /not a JSON object/],
    ['that is empty', '', /not a JSON object/],
  ];
  for (const [what, text, warning] of unusable) {
    t.match(choose(text), { image: table.Go, requested: false, warnings: [warning] }, `${what} is ignored`);
  }
  const { warnings } = choose(JSON.stringify({ image: `\x1b]0;title\x07\u202e\r\n${'x'.repeat(10_000)}` }));
  t.notMatch(warnings.join(), /[\p{Cc}\p{Cf}]/u, 'steers no terminal with what it names');
  t.ok(warnings.join().length < 1000, 'nor fills it');
});

t.test('the table of images', (t) => {
  const programming = new Set(
    Object.values(linguist).flatMap(({ name, type }) => (type === 'programming' ? [name] : [])),
  );
  for (const [language, image] of Object.entries(table)) {
    t.ok(programming.has(language as never), `${language} is a programming language of Linguist's`);
    t.equal(normalizeImage(image), image, `${image} is an image reference with a tag`);
  }
  t.end();
});
