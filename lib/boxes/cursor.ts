import { errors } from '../errors.js';
import { isId } from './store.js';

/** Where a page of a list ended: the last one's creation time, as PostgreSQL writes it, and its id. */
type Position = { createdAt: string; id: string };

const TIME = /^\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?[+-]\d\d(:\d\d){0,2}$/;

/** A position as a text that clients hand back and don't look into. */
export function encodeCursor({ createdAt, id }: Position): string {
  return Buffer.from(`${createdAt}|${id}`).toString('base64url');
}

/**
 * A page of at most `limit` rows.
 * @param rows one more than that, where there are more
 */
export function pageOf<Row extends { id: string; cursorTime: string }>(
  rows: Row[],
  limit: number,
): { items: Row[]; nextCursor: string | null } {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  const isLast = !last || rows.length <= limit;
  return { items, nextCursor: isLast ? null : encodeCursor({ createdAt: last.cursorTime, id: last.id }) };
}

/** @throws {@link errors.InvalidRequest} when the text was not made by {@link encodeCursor} */
export function decodeCursor(cursor: string): Position {
  const [createdAt = '', id = ''] = Buffer.from(cursor, 'base64url').toString().split('|');
  if (!TIME.test(createdAt) || !isId(id)) {
    throw new errors.InvalidRequest('The cursor is not one of ours: pass the nextCursor of the page before.');
  }
  return { createdAt, id };
}
