/**
 * Owns finding the columns that a refused write concerns, if the server's error names only a constraint, a domain or a
 * partitioned table: the catalog is queried.
 */
import { type MeridianError } from '../../base/errors.ts';
import { type Table } from '../../model/model.ts';
import { tooLarge, violation } from '../connect/errors.ts';
import { type SqlText } from '../connect/pool-connection.ts';
import { type ServerError } from '../read/error.ts';

/**
 * `$1`, `$2`: schema and name of the table; `$3`: a constraint or an index of it; `$4`, `$5`: schema and name of a
 * domain; `$6`: whether the partition key is requested.
 */
const COLUMNS = `SELECT ARRAY(
  SELECT a.attname::text FROM pg_attribute a
  LEFT JOIN pg_constraint c ON c.conrelid = r.oid AND c.conname = $3::text
  LEFT JOIN (pg_index i JOIN pg_class x ON x.oid = i.indexrelid) ON i.indrelid = r.oid AND x.relname = $3::text
  LEFT JOIN pg_partitioned_table p ON p.partrelid = r.oid AND $6::boolean
  LEFT JOIN (pg_type d JOIN pg_namespace s ON s.oid = d.typnamespace) ON s.nspname = $4::text AND d.typname = $5::text
  WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    AND (a.attnum = ANY (c.conkey) OR a.attnum = ANY (i.indkey::smallint[]) OR a.attnum = ANY (p.partattrs::smallint[]) OR a.atttypid IN (d.oid, d.typarray))
  ORDER BY coalesce(array_position(c.conkey, a.attnum), array_position(i.indkey::smallint[], a.attnum), a.attnum)) AS columns
FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace WHERE n.nspname = $1::text AND r.relname = $2::text`;

/**
 * The query for the columns of a refusal that names none; null if there is nothing to query by. `table`: the table that
 * the statement writes, if it is known.
 */
export function columnsAsked(error: MeridianError, table: Table | undefined): SqlText | null {
  const cause = error.cause as ServerError | undefined;
  if (!(cause instanceof Error) || !isRefined(error)) return null;
  const { schema, table: named, constraint = null, dataType = null, routine } = cause;
  // The error names the domain's type, but not the table for which its value was meant.
  const place =
    named !== undefined && schema !== undefined ? { schema, name: named } : dataType === null ? undefined : table;
  const isPartitioned = routine === 'ExecFindPartition';
  if (place === undefined || (constraint === null && !isPartitioned)) return null;
  const values = [
    place.schema,
    place.name,
    dataType === null ? constraint : null,
    dataType === null ? null : (schema ?? null),
    dataType,
    isPartitioned,
  ];
  return { name: 'meridian_columns', text: COLUMNS, values };
}

function isRefined(error: MeridianError): boolean {
  if (error.code === 'BAD_USER_INPUT') return error.details['sqlState'] === '54000';
  const { columns, raised } = error.details;
  return error.code === 'CONSTRAINT_VIOLATION' && raised !== true && Array.isArray(columns) && columns.length === 0;
}

/** The error with the columns that it concerns. */
export function withColumns(error: MeridianError, columns: readonly string[]): MeridianError {
  if (columns.length === 0) return error;
  const cause = error.cause as ServerError;
  return error.code === 'BAD_USER_INPUT'
    ? tooLarge(cause, String(error.details['region']), columns)
    : violation(cause.code ?? '', cause, columns);
}
