/** Owns the format of rows in stored outcomes, in SQL: each column in its type's output format, and its parsing. */
import { quoteIdentifier, quoteLiteral } from '../base/sql-text.ts';
import { type Entity } from '../model/model.ts';
import { castType, columnReference, tableAlias } from '../read/sql/identifiers.ts';

/**
 * A row as stored in its outcome: each column in its type's output format, since JSON cannot represent every value.
 * concat() is used because a cast to text writes some types differently.
 */
export function fieldsSql(entity: Entity): string {
  const columns = [...entity.columns.keys()].map((name) => columnReference(entity, name));
  const names = [...entity.columns.keys()].map((name) => quoteLiteral(name));
  const texts = columns.map(
    (column) => `CASE WHEN pg_catalog.num_nulls(${column}) = 0 THEN pg_catalog.concat(${column}) END`,
  );
  return `pg_catalog.jsonb_object(ARRAY[${names.join(', ')}]::text[], ARRAY[${texts.join(', ')}]::text[])`;
}

/** Parses such a row, under the alias that `outputColumns` expects. */
export function ofFieldsSql(entity: Entity, fields: string): string {
  const columns = [...entity.columns.values()].map(
    ({ name, type }) => `(${fields} ->> ${quoteLiteral(name)})::${castType(type)} AS ${quoteIdentifier(name)}`,
  );
  return `LATERAL (SELECT ${columns.join(', ')}) AS ${tableAlias(entity)}`;
}
