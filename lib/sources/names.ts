import { errors } from '../errors.js';

const MAX_REF_LENGTH = 255;
const MAX_DIRECTORY_LENGTH = 1024;

const CONTROL_CHARACTER = /\p{Cc}/u;

/** What git-check-ref-format(1) forbids in the name of a branch or tag, white space of any kind, and a `-` in front. */
const FORBIDDEN_IN_REF = /[\p{Cc}\s~^:?*[\\]|\.\.|@\{|\/\/|^[-/.]|[/.]$|\/\.|\.lock(?:\/|$)|^@$/u;

/** Whether a text can be the name of a branch or tag. */
export function isRef(text: string): boolean {
  return text !== '' && text.length <= MAX_REF_LENGTH && !FORBIDDEN_IN_REF.test(text);
}

/**
 * The name of a branch or tag, or a commit's id, as it was given.
 * @throws {@link errors.InvalidSource} when Git would not allow it as a name, or could take it for an option
 */
export function checkRef(ref: string): string {
  if (!isRef(ref)) throw new errors.InvalidSource('The ref is not valid: name a branch, a tag or a commit.');
  return ref;
}

/**
 * A directory by its path below the source's root, without the slashes and dots that say nothing; undefined for the
 * root itself.
 * @throws {@link errors.InvalidSource} when it is absolute or leads out of the source
 */
export function checkDirectory(directory: string): string | undefined {
  const segments = directory.split('/').filter((segment) => segment !== '' && segment !== '.');
  const tooLong = directory.length > MAX_DIRECTORY_LENGTH;
  if (tooLong || directory.startsWith('/') || segments.includes('..') || CONTROL_CHARACTER.test(directory)) {
    throw new errors.InvalidSource(
      'The directory is not valid: give a path below the root of the source, such as "examples/hello".',
    );
  }
  return segments.length > 0 ? segments.join('/') : undefined;
}
