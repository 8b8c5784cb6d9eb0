import type { Queryable } from '../../lib/database.js';

/** What there is to know of a schema by those who write and read its rows. */
export type Schema = {
  /** By table and name. */
  columns: Map<string, { type: string; required: boolean }>;
  /** Constraints and unique indexes, by table and definition, with the columns that they are about. */
  constraints: Map<string, string[]>;
};

const COLUMNS = `
  select relname || '.' || attname as name, format_type(atttypid, atttypmod) as type,
         attnotnull and not atthasdef and attidentity = '' as required
  from pg_attribute join pg_class on pg_class.oid = attrelid
  where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p') and attnum > 0 and not attisdropped`;

const CONSTRAINTS = `
  select relname || ': ' || what as name,
         array(select relname || '.' || attname from pg_attribute where attrelid = rel and attnum = any (keys)) as columns
  from (
    select conrelid as rel, conname || ' ' || pg_get_constraintdef(oid) as what, conkey as keys
    from pg_constraint where contype in ('c', 'f', 'p', 'u', 'x')
    union all
    select indrelid, pg_get_indexdef(indexrelid), indkey::smallint[] from pg_index where indisunique
  ) as rules join pg_class on pg_class.oid = rel
  where relnamespace = current_schema()::regnamespace`;

/** The schema of a database, from PostgreSQL's catalogue. */
export async function readSchema(db: Queryable): Promise<Schema> {
  const columns = await db.query<{ name: string; type: string; required: boolean }>(COLUMNS);
  const constraints = await db.query<{ name: string; columns: string[] }>(CONSTRAINTS);
  return {
    columns: new Map(columns.rows.map(({ name, ...column }) => [name, column])),
    constraints: new Map(constraints.rows.map(({ name, columns }) => [name, columns])),
  };
}

/** What a service that knows a schema `before` can't live with in the one `after` it, as far as the catalogue tells. */
export function findBreaks(before: Schema, after: Schema): string[] {
  const tableOf = (column: string) => column.split('.')[0];
  const tables = new Set([...before.columns.keys()].map(tableOf));
  const isOld = (column: string) => before.columns.has(column);
  const gone = [...before.columns.keys()].filter((name) => !after.columns.has(name));
  const changed = [...after.columns].filter(
    ([name, { type }]) => isOld(name) && type !== before.columns.get(name)?.type,
  );
  const required = [...after.columns].filter(
    ([name, column]) =>
      column.required && tables.has(tableOf(name)) && before.columns.get(name)?.required !== true,
  );
  const lifted = [...before.constraints.keys()].filter((name) => !after.constraints.has(name));
  const imposed = [...after.constraints].filter(
    ([name, columns]) => !before.constraints.has(name) && columns.some(isOld),
  );
  return [
    ...gone.map((name) => `${name} is gone`),
    ...changed.map(([name, { type }]) => `${name} is ${type} now`),
    ...required.map(([name]) => `${name} is required now`),
    ...lifted.map((name) => `${name} is gone`),
    ...imposed.map(([name]) => `${name} is new`),
  ];
}
