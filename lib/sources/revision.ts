import { errors } from '../errors.js';
import { checkDirectory, isRef } from './names.js';
import type { GitSource } from './parse.js';
import type { Repository } from './repository.js';

/** What to check out of a repository. */
export type Revision = {
  kind: 'branch' | 'tag' | 'commit';
  /** A branch's or tag's name, or a commit's id, which may be abbreviated. */
  name: string;
  /** What the server calls it: a full name or an id. */
  fetch: string;
  directory?: string | undefined;
};

const HEADS = 'refs/heads/';
const TAGS = 'refs/tags/';
const COMMIT = /^[0-9a-f]{7,64}$/i;

/** The beginnings of the full names that can be meant by a source's ref. */
export function refPrefixes({ ref, tree }: GitSource): string[] {
  if (ref === undefined) return [];
  const name = tree === undefined ? ref : (tree.split('/')[0] ?? '');
  return name.startsWith('refs/') ? [name] : [HEADS + name, TAGS + name];
}

/**
 * Decides what a source's ref is: a branch before a tag of the same name, then a commit's id. In a web page's
 * `<ref>/<directory>` it is the longest name that exists.
 * @throws {@link errors.SourceUnavailable} when there is none
 */
export function chooseRevision({ ref, directory, tree }: GitSource, { refs, head }: Repository): Revision {
  if (ref === undefined) return { ...defaultRevision({ refs, head }), directory };
  if (tree === undefined) {
    const revision = findRevision(refs, ref);
    if (!revision) throw new errors.SourceUnavailable(`There is no branch, tag or commit "${ref}".`);
    return { ...revision, directory };
  }
  const segments = tree.split('/');
  for (let length = segments.length; length > 0; length--) {
    const revision = findRevision(refs, segments.slice(0, length).join('/'));
    if (revision) return { ...revision, directory: checkDirectory(segments.slice(length).join('/')) };
  }
  throw new errors.SourceUnavailable(`There is no branch, tag or commit that "${tree}" begins with.`);
}

function defaultRevision({ refs, head }: Pick<Repository, 'refs' | 'head'>): Revision {
  const id = refs.get('HEAD');
  if (id === undefined) {
    throw new errors.SourceUnavailable(
      'The repository is empty, or has no default branch: name one in "ref".',
    );
  }
  if (!head?.startsWith(HEADS) || !isRef(head)) return { kind: 'commit', name: id, fetch: id };
  return { kind: 'branch', name: head.slice(HEADS.length), fetch: head };
}

function findRevision(refs: Repository['refs'], name: string): Revision | undefined {
  const short = name.replace(/^refs\/(?:heads|tags)\//, '');
  if (!name.startsWith(TAGS) && refs.has(HEADS + short))
    return { kind: 'branch', name: short, fetch: HEADS + short };
  if (!name.startsWith(HEADS) && refs.has(TAGS + short))
    return { kind: 'tag', name: short, fetch: TAGS + short };
  const id = name.startsWith('refs/') ? refs.get(name) : undefined;
  if (id) return { kind: 'commit', name: id, fetch: id };
  return COMMIT.test(name)
    ? { kind: 'commit', name: name.toLowerCase(), fetch: name.toLowerCase() }
    : undefined;
}
