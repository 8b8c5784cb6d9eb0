import { randomInt } from 'node:crypto';

/** What a box's name looks like: one label of a host name, so that it can be the container's. */
export const NAME_PATTERN = '^[a-z0-9]([a-z0-9-]{0,37}[a-z0-9])?$';
/** The same in words. */
export const NAME_RULE = 'at most 39 lower-case letters, digits and inner hyphens, unique';

const MAX_SLUG = 34;

// No vowels and no look-alikes: it spells nothing and is read out without doubt.
const ALPHABET = 'bcdfghjkmnpqrstvwxz23456789';

/** A name for a box whose user gave none: its source's, and four random characters. */
export function generateName(slug: string): string {
  const suffix = Array.from({ length: 4 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
  const stem = slug.slice(0, MAX_SLUG).replace(/^-+|-+$/g, '');
  return `${stem || 'box'}-${suffix}`;
}
