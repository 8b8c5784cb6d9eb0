import { errors } from '../errors.js';

export type Page = {
  repository: URL;
  /** The repository's own name, without its owner. */
  name: string;
  ref?: string;
  /** `<ref>/<directory>`, of which only the repository's refs tell where the one ends. */
  tree?: string;
};

/**
 * The repository that an address belongs to: itself, or the one whose page on GitHub or GitLab it is.
 * @throws {@link errors.InvalidSource} for a page that shows no source
 */
export function repositoryOf(url: URL): Page {
  const segments = url.pathname.split('/').filter((segment) => segment !== '');
  const github = /^(?:www\.)?github\.com$/.test(url.hostname);
  const gitlab = /^(?:www\.)?gitlab\.com$/.test(url.hostname);
  if (segments.length < (github || gitlab ? 2 : 1)) {
    throw new errors.InvalidSource(
      `The URL names no repository: give one such as "${url.origin}/owner/repository".`,
    );
  }
  // GitLab, wherever it is installed, sets its pages off with "/-/"; on GitHub they follow the repository's name.
  const dash = segments.indexOf('-');
  const end = github ? 2 : dash > 0 ? dash : segments.length;
  const page = segments.slice(github ? end : end + 1);

  const repository = new URL(url);
  repository.pathname = segments.slice(0, end).join('/');
  return { repository, name: nameOf(segments[end - 1] ?? ''), ...pointedAt(page) };
}

function pointedAt([kind, ...path]: string[]): Pick<Page, 'ref' | 'tree'> {
  if (kind === undefined) return {};
  if (kind === 'tree' && path.length > 0) return { tree: decode(path) };
  // Of a file, its directory.
  if (kind === 'blob' && path.length > 1) return { tree: decode(path.slice(0, -1)) };
  if (kind === 'commit' && path.length === 1) return { ref: decode(path) };
  if (kind === 'releases' && path[0] === 'tag' && path.length > 1) return { ref: decode(path.slice(1)) };
  throw new errors.InvalidSource(
    `The page "/${kind}" of a repository shows no source: give the address of the repository, or of a branch, tag, commit or directory in it.`,
  );
}

function decode(segments: string[]): string {
  try {
    return decodeURIComponent(segments.join('/'));
  } catch {
    throw new errors.InvalidSource('The URL has a % that begins no escape: write it as %25.');
  }
}

const nameOf = (segment: string) => segment.replace(/\.git$/, '');
