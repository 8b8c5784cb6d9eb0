import { errors } from '../errors.js';
import { checkDirectory, checkRef } from './names.js';
import { isS3Host, s3ObjectUrl, s3Region } from './s3.js';
import { parseAddress } from './text.js';
import { repositoryOf } from './web-address.js';

export type SourceRequest = { url: string; ref?: string | undefined; directory?: string | undefined };

type Common = {
  /** `https` or `http`, without user name, password or fragment. */
  url: string;
  /** Branch, tag or commit; undefined for the default branch. */
  ref?: string | undefined;
  /** Path below the source's root where terminals start; undefined for the root. */
  directory?: string | undefined;
  /** Short name of the repository or archive: `[a-z0-9-]+`. */
  slug: string;
};

export type GitSource = Common & {
  kind: 'git';
  /**
   * `<ref>/<directory>` of a web address, where a branch may have slashes in its name: only the repository's refs tell
   * where it ends. Until then `ref` and `directory` are the likeliest reading, which is that it has none.
   */
  tree?: string | undefined;
};

export type ArchiveFormat = 'tar.gz' | 'zip';

export type ArchiveSource = Common & {
  kind: 'archive';
  format: ArchiveFormat;
  /** The AWS region to sign for; undefined when the archive is not in S3. */
  s3Region?: string | undefined;
};

export type Source = GitSource | ArchiveSource;

type Named = { ref?: string | undefined; directory?: string | undefined; tree?: string | undefined };

const ARCHIVE = /\.(tar\.gz|tgz|zip)$/i;

/**
 * Reads what the user typed as the address of a source; nothing is looked up. Understood are `https://` and `http://`
 * addresses of a Git repository or of an archive (`.tar.gz`, `.tgz`, `.zip`), `github.com/…` and `gitlab.com/…` without
 * a scheme, the web pages of a branch, directory, file or commit there, `s3://bucket/key`, and go-getter's `git::`,
 * `s3::`, `//directory` and `?ref=` (https://github.com/hashicorp/go-getter#url-format).
 *
 * A `ref` or `directory` beside the address tells where a branch's name in a web page's address ends; one that
 * contradicts the address is refused.
 * @param env AWS's own variables: `AWS_REGION`, `AWS_ENDPOINT_URL_S3`
 * @throws {@link errors.InvalidSource} with what to do instead
 */
export function parseSource(request: SourceRequest, env: NodeJS.ProcessEnv = {}): Source {
  const asked: Named = {
    ref: request.ref === undefined ? undefined : checkRef(request.ref),
    directory: request.directory === undefined ? undefined : checkDirectory(request.directory),
  };
  const { getter, url: given } = parseAddress(request.url);
  const { url, directory } = splitDirectory(given);

  if (getter === 's3') return s3Source(url, { asked, directory, env });
  const format = archiveFormat(url);
  if (getter !== 'git' && format) return archiveSource(url, { asked, directory, format });
  return gitSource(url, { asked, directory });
}

type Parts = { asked: Named; directory: string | undefined };

function gitSource(url: URL, { asked, directory }: Parts): GitSource {
  const ref = url.searchParams.get('ref') ?? undefined;
  url.searchParams.delete('ref');
  if (url.search) {
    throw new errors.InvalidSource(
      `A repository's address has no query but "?ref=": leave out "${url.search}". An archive's name ends in .tar.gz, .tgz or .zip.`,
    );
  }
  const { repository, name, ...page } = repositoryOf(url);
  const linked = combine({ ref: ref && checkRef(ref), directory }, { ...page });
  return { kind: 'git', url: repository.href, slug: slugOf(name), ...combine(asked, linked) };
}

function archiveSource(
  url: URL,
  { asked, directory, format }: Parts & { format: ArchiveFormat },
): ArchiveSource {
  if (asked.ref !== undefined) {
    throw new errors.InvalidSource('An archive has no branches or tags: leave "ref" out.');
  }
  return {
    kind: 'archive',
    url: url.href,
    format,
    directory: agree('directory', asked.directory, directory),
    slug: slugOf(archiveName(url)),
  };
}

function s3Source(given: URL, { asked, directory, env }: Parts & { env: NodeJS.ProcessEnv }): ArchiveSource {
  const url = given.protocol === 's3:' ? s3ObjectUrl(given, env) : given;
  // The server's own credentials sign the request: they are for S3, and for nobody who calls himself so.
  if (!isS3Host(url, env)) {
    throw new errors.InvalidSource(
      `"${url.host}" is not an address of S3: give "s3://bucket/key" or an amazonaws.com address.`,
    );
  }
  const format = archiveFormat(url);
  if (!format) {
    throw new errors.InvalidSource('The object in S3 must be an archive named .tar.gz, .tgz or .zip.');
  }
  return { ...archiveSource(url, { asked, directory, format }), s3Region: s3Region(url, env) };
}

/** Separates go-getter's `//directory` from the rest of the address. */
function splitDirectory(url: URL): { url: URL; directory: string | undefined } {
  const [, path = '', directory = ''] = /^(\/.*?[^/])\/\/(.*)$/.exec(url.pathname) ?? [
    undefined,
    url.pathname,
  ];
  const rest = new URL(url);
  rest.pathname = path;
  return { url: rest, directory: checkDirectory(decode(directory)) };
}

/** Brings together what two places say of the same thing; a web page's `tree` gives way to whatever is certain. */
function combine(certain: Named, { tree, ...named }: Named): Named {
  if (tree === undefined) {
    return {
      ref: agree('ref', certain.ref, named.ref),
      directory: agree('directory', certain.directory, named.directory),
    };
  }
  if (certain.ref !== undefined) {
    const directory = tree === certain.ref ? undefined : tree.slice(certain.ref.length + 1);
    if (tree !== certain.ref && !tree.startsWith(`${certain.ref}/`)) agree('ref', certain.ref, tree);
    return { ref: certain.ref, directory: agree('directory', certain.directory, directory) };
  }
  if (certain.directory !== undefined) {
    const suffix = `/${certain.directory}`;
    const ref = tree.endsWith(suffix) ? tree.slice(0, -suffix.length) : tree;
    return { ref: checkRef(ref), directory: certain.directory };
  }
  const [first = '', ...rest] = tree.split('/');
  const guess = { ref: checkRef(first), directory: checkDirectory(rest.join('/')) };
  return guess.directory === undefined ? guess : { ...guess, tree };
}

function agree(what: string, asked: string | undefined, named: string | undefined): string | undefined {
  if (asked !== undefined && named !== undefined && asked !== named) {
    throw new errors.InvalidSource(
      `The URL says "${named}" and "${what}" says "${asked}": give one of them.`,
    );
  }
  return asked ?? named;
}

function archiveFormat(url: URL): ArchiveFormat | undefined {
  const suffix = ARCHIVE.exec(url.pathname)?.[1]?.toLowerCase();
  if (suffix === undefined) return undefined;
  return suffix === 'zip' ? 'zip' : 'tar.gz';
}

/** `v1.2` of `…/v1.2.zip`, but `repo` of GitHub's `/owner/repo/archive/…/v1.2.zip`. */
function archiveName({ pathname }: URL): string {
  const repository = /^\/[^/]+\/([^/]+)\/(?:-\/)?(?:archive|releases)\//.exec(pathname)?.[1];
  return repository ?? pathname.replace(ARCHIVE, '').split('/').at(-1) ?? '';
}

function slugOf(name: string): string {
  const slug = decode(name)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-+|-+$/g, '');
  return slug || 'source';
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new errors.InvalidSource('The URL has a % that begins no escape: write it as %25.');
  }
}
