import path from 'node:path';
import * as linguist from 'linguist-languages';

/** A file of a source, by its path from the workspace's root. */
export type SourceFile = { path: string; bytes: number };

type Language = {
  name: string;
  type: string;
  group?: string;
  extensions?: readonly string[];
  filenames?: readonly string[];
};

const languages = Object.values(linguist) as Language[];

/**
 * Data, markup and prose don't say what tool-chain a repository needs, nor do the languages in which some of any other
 * language's repositories tell how they are built.
 */
const BUILD_LANGUAGES = new Set(['CMake', 'Dockerfile', 'M4', 'M4Sugar', 'Makefile', 'Meson']);
const isTelling = ({ type, name }: Language) => type === 'programming' && !BUILD_LANGUAGES.has(name);
const telling = new Set(languages.filter(isTelling).map(nameOf));

/** Names of languages by file name or by extension; the languages whose primary extension it is come first. */
const namesByFile = new Map<string, string[]>();
const claim = (files: readonly string[] | undefined, language: Language) => {
  for (const file of files ?? []) namesByFile.set(file, [...(namesByFile.get(file) ?? []), nameOf(language)]);
};
for (const language of languages) claim(language.filenames, language);
// Prose stays prose: `.md` is Markdown, though it is GCC Machine Description's primary extension, too.
const proseFirst = languages.toSorted((a, b) => Number(isTelling(a)) - Number(isTelling(b)));
for (const language of proseFirst) claim(language.extensions?.slice(0, 1), language);
for (const language of languages) claim(language.extensions?.slice(1), language);

/** Other people's code, and what tools made, says nothing about the repository's own language. */
const VENDORED = /(^|\/)(node_modules|vendor|third_party|third-party|dist|build|target|\.[^/]+)\//;
const GENERATED = /(\.min\.js|-min\.js|\.bundle\.js|\.pb\.go|_pb2\.py|\.d\.ts)$/;

/**
 * The language that most of the source's bytes are in, by the names and extensions of GitHub Linguist's data; undefined
 * when no file is in a programming language.
 * @param common languages to prefer where an extension belongs to several: `.rs` is RenderScript's, too
 */
export function mainLanguage(files: readonly SourceFile[], common: ReadonlySet<string>): string | undefined {
  const bytes = new Map<string, number>();
  for (const file of files) {
    if (VENDORED.test(file.path) || GENERATED.test(file.path)) continue;
    const name = path.posix.basename(file.path);
    const names = namesByFile.get(name) ?? namesByFile.get(path.posix.extname(name).toLowerCase());
    const language = names?.find((candidate) => common.has(candidate)) ?? names?.[0];
    if (language && telling.has(language)) bytes.set(language, (bytes.get(language) ?? 0) + file.bytes);
  }
  return [...bytes].sort(([, a], [, b]) => b - a)[0]?.[0];
}

/** A dialect counts as the language that it belongs to: TSX is TypeScript. */
function nameOf({ name, group }: Language): string {
  return group ?? name;
}
