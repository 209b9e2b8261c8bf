/** Owns rows as outcomes keep them, in SQL: written column by column as their types write them, and read again. */
import { quoteIdentifier, quoteLiteral } from '../base/sql-text.ts';
import { type Entity } from '../model/model.ts';
import { castType, columnReference, tableAlias } from '../read/sql/identifiers.ts';

/**
 * A row as its outcome keeps it: column by column, each as its type writes it, since JSON cannot hold every value that
 * a column can. A cast to text would not do: some types spell values in another way there.
 */
export function fieldsSql(entity: Entity): string {
  const columns = [...entity.columns.keys()].map((name) => columnReference(entity, name));
  const names = [...entity.columns.keys()].map((name) => quoteLiteral(name));
  const texts = columns.map(
    (column) => `CASE WHEN pg_catalog.num_nulls(${column}) = 0 THEN pg_catalog.concat(${column}) END`,
  );
  return `pg_catalog.jsonb_object(ARRAY[${names.join(', ')}]::text[], ARRAY[${texts.join(', ')}]::text[])`;
}

/** Such a row, read again, under the alias that `outputColumns` expects. */
export function ofFieldsSql(entity: Entity, fields: string): string {
  const columns = [...entity.columns.values()].map(
    ({ name, type }) => `(${fields} ->> ${quoteLiteral(name)})::${castType(type)} AS ${quoteIdentifier(name)}`,
  );
  return `LATERAL (SELECT ${columns.join(', ')}) AS ${tableAlias(entity)}`;
}
