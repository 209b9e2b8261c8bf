/** Owns which GraphQL types can represent which column types without loss. */
import { isEnumType, isScalarType, type GraphQLEnumType } from 'graphql';
import { type CatalogColumn } from '../model/catalog.ts';
import { type ScalarKind } from '../model/model.ts';
import { columnName, type Shape } from './directives.ts';

/** The types that fit each kind; a fix proposes the first one. */
const FITTING: Readonly<Record<ScalarKind, readonly string[]>> = {
  int: ['Int', 'ID', 'BigInt', 'Float'],
  bigint: ['BigInt', 'ID'],
  numeric: ['Decimal'],
  float: ['Float'],
  text: ['String', 'ID'],
  uuid: ['UUID', 'ID', 'String'],
  bool: ['Boolean'],
  date: ['Date'],
  time: ['Time'],
  timestamp: ['LocalDateTime'],
  timestamptz: ['DateTime'],
  json: ['JSON'],
  enum: ['String'],
  other: ['String'],
  bytea: [],
};

/** Scalars with a meaning of their own here. For any other scalar the author decides what it represents. */
const KNOWN = new Set([...Object.values(FITTING).flat(), 'ConsistencyToken']);

/** `output`: the column's values must all be representable. `input`: the type's values must all be storable. */
export type Direction = 'output' | 'input';

export interface MisfitInput {
  readonly column: CatalogColumn;
  readonly shape: Shape;
  readonly direction: Direction;
  readonly lists?: 'exact' | 'any';
}

/** Why values of `column` do not fit `shape`, with the fix; null if they do. */
export function misfit({ column, shape, direction, lists = 'exact' }: MisfitInput): string | null {
  const { type } = column;
  const is = `column "${column.name}" is ${type.sql}`;
  if (lists === 'exact' && shape.lists !== (type.array ? 1 : 0)) {
    const proposal = proposalFor(column, shape);
    return type.array ? `${is}, an array; declare it ${proposal}` : `${is}, not an array; declare it ${proposal}`;
  }
  if (isEnumType(shape.named)) return enumMisfit(column, shape.named, direction);
  // A JSON document may be shown through an object type, which selects parts of it.
  if (type.kind === 'json' && !isScalarType(shape.named)) return null;
  if (!isScalarType(shape.named))
    return `${is}, which ${shape.named.name} cannot show; declare it ${proposalFor(column, shape)}`;
  if (!KNOWN.has(shape.named.name) || FITTING[type.kind].includes(shape.named.name)) return null;
  if (FITTING[type.kind].length === 0)
    return `${is}, which no type of GraphQL carries; leave it out or write a resolver`;
  return `${is}, which does not fit ${shape.named.name}; declare it ${proposalFor(column, shape)}`;
}

function proposalFor(column: CatalogColumn, shape: Shape): string {
  const fitting = FITTING[column.type.kind];
  const isKey = /(^|_)id$/.test(column.name) && fitting.includes('ID');
  const kept = isEnumType(shape.named) || fitting.includes(shape.named.name) ? shape.named.name : null;
  const fits =
    kept ??
    (column.labels ? `an enum of its labels (${column.labels.join(', ')})` : isKey ? 'ID' : (fitting[0] ?? 'String'));
  return column.type.array ? `[${fits}!]` : fits;
}

function enumMisfit(column: CatalogColumn, type: GraphQLEnumType, direction: Direction): string | null {
  if (column.type.kind === 'text') return null;
  if (column.labels === null)
    return `column "${column.name}" is ${column.type.sql}, which does not fit the enum ${type.name}; declare it ${FITTING[column.type.kind][0] ?? 'otherwise'}`;
  const stored = new Map(type.getValues().map((value) => [columnName(value) ?? value.name, value.name]));
  const unknown = [...stored].find(([label]) => !column.labels?.includes(label));
  if (unknown)
    return `${type.name}.${unknown[1]} is no label of ${column.type.sql} (${column.labels.join(', ')}); name the label with @column(name:) on the value`;
  const missing = column.labels.filter((label) => !stored.has(label));
  if (direction === 'output' && missing.length > 0)
    return `${type.name} lacks the label ${missing.map((label) => `"${label}"`).join(', ')} of ${column.type.sql}; add a value for it`;
  return null;
}
