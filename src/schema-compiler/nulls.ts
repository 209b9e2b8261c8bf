/** Owns warnings for fields that the schema declares non-null although the catalog allows null. */
import { isListType, isNonNullType, type GraphQLField, type GraphQLOutputType } from 'graphql';
import { type CatalogColumn } from '../model/catalog.ts';
import { type Join } from '../model/model.ts';
import { sqlName } from '../model/sql-names.ts';
import { type Compilation, type Draft } from './context.ts';

interface Site {
  readonly draft: Draft;
  readonly field: GraphQLField<unknown, unknown>;
  readonly place: string;
}

/** For one column. Whether a view's column may be null is unknown, so the author's declaration counts. */
export function warnOfNulls({ problems }: Compilation, { draft, field, place }: Site, column: CatalogColumn): void {
  if (draft.table.kind === 'view') return;
  const { name, nullable, type, keepsNullOut = false } = column;
  const declared = String(field.type);
  if (isNonNullType(field.type) && nullable) {
    problems.warn(
      field.astNode,
      `${place} is non-null, but column "${name}" may be null, and such a row would be an error; make the column NOT NULL or declare ${declared.slice(0, -1)}`,
    );
  } else if (isNonNullType(field.type) && type.kind === 'json' && !type.array && !keepsNullOut) {
    problems.warn(
      field.astNode,
      `${place} is non-null, but a document in column "${name}" may be JSON's null, and such a row would be an error; add CHECK (${typeofJson(column)}(${sqlName(name)}) <> 'null') or declare ${declared.slice(0, -1)}`,
    );
  }
  const entries = entriesOf(field.type);
  if (entries !== null && isNonNullType(entries) && type.array && !keepsNullOut) {
    problems.warn(
      field.astNode,
      `${place} has non-null entries, but an array in column "${name}" may hold NULL, and such a row would be an error; add CHECK (array_position(${sqlName(name)}, NULL) IS NULL) or declare ${declared.replace('!]', ']')}`,
    );
  }
}

export interface WarnOfMissingInput {
  readonly compilation: Compilation;
  readonly site: Site;
  readonly target: Draft;
  readonly join: Join;
}

/** For a relation to one row, which no foreign key may guarantee. */
export function warnOfMissing({
  compilation: { problems },
  site: { draft, field, place },
  target,
  join,
}: WarnOfMissingInput): void {
  if (!isNonNullType(field.type)) return;
  const { table } = draft;
  const nullable = join.from.filter((column) => table.columns.get(column)?.nullable);
  if (nullable.length > 0 && table.kind === 'table') {
    problems.warn(
      field.astNode,
      `${place} is non-null, but column "${nullable.join('", "')}" may be null, and such a row would be an error; make the column NOT NULL or declare ${target.type.name}`,
    );
    return;
  }
  const isItself = table === target.table && join.from.every((column, i) => column === join.to[i]);
  const isKeyed = table.foreignKeys.some(
    (key) =>
      key.toTable.schema === target.table.schema &&
      key.toTable.name === target.table.name &&
      pairs(key.columns, key.toColumns) === pairs(join.from, join.to),
  );
  if (!isItself && !isKeyed) problems.warn(field.astNode, missing(place, target.type.name));
}

/** For a type that another subgraph owns, to which no foreign key can refer. */
export function missing(place: string, target: string): string {
  return `${place} is non-null, but no foreign key of its row makes sure that its ${target} is there, and an object without one would be an error; declare ${target}`;
}

function pairs(from: readonly string[], to: readonly string[]): string {
  return JSON.stringify(from.map((column, i) => [column, to[i]]).sort());
}

function entriesOf(type: GraphQLOutputType): GraphQLOutputType | null {
  const inner = isNonNullType(type) ? type.ofType : type;
  return isListType(inner) ? inner.ofType : null;
}

function typeofJson({ type }: CatalogColumn): string {
  return type.sql === 'json' ? 'json_typeof' : 'jsonb_typeof';
}
