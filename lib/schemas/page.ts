import { type TSchema, Type } from 'typebox';

/** What a request for a page of a list may say. */
export const PageQuery = {
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
  cursor: Type.Optional(Type.String({ maxLength: 200, description: 'The nextCursor of the page before' })),
};

/** A page of a list. */
export const Page = <Item extends TSchema>(item: Item) =>
  Type.Object(
    { items: Type.Array(item), nextCursor: Type.Union([Type.String(), Type.Null()]) },
    { description: 'A page' },
  );
