/** Owns arguments that select rows: equality, filter inputs and orders. */
import {
  isEnumType,
  isInputObjectType,
  type GraphQLArgument,
  type GraphQLEnumType,
  type GraphQLInputField,
  type GraphQLInputObjectType,
} from 'graphql';
import { type CatalogColumn } from '../model/catalog.ts';
import {
  type EqualsFilter,
  type FilterArg,
  type FilterField,
  type FilterInput,
  type FilterOperator,
  type OrderArg,
  type OrderTerm,
  type ScalarKind,
} from '../model/model.ts';
import { didYouMean, snakeCase } from '../model/names.ts';
import { columnNamed, columnSpelled, type Meaning } from './column-names.ts';
import { whyNoKey, whyUnequal, whyUnordered } from './comparing.ts';
import { requireColumn, tableName, unknownColumn, type Compilation, type Draft } from './context.ts';
import { columnName, shapeOf, type Shape } from './directives.ts';
import { misfit } from './types.ts';

/** The operand of an operator: a value of the column's (elements') type, a list of them, or a boolean. */
const OPERATORS: Readonly<Record<FilterOperator, 'value' | 'list' | 'flag'>> = {
  eq: 'value',
  ne: 'value',
  in: 'list',
  notIn: 'list',
  lt: 'value',
  lte: 'value',
  gt: 'value',
  gte: 'value',
  isNull: 'flag',
  contains: 'value',
  startsWith: 'value',
  endsWith: 'value',
  has: 'value',
  hasAny: 'list',
  hasAll: 'list',
};
const ARRAY_INPUT = 'StringListFilter, IntListFilter or an input of your own with has, hasAny and hasAll';
const TEXT_ONLY: ReadonlySet<string> = new Set(['contains', 'startsWith', 'endsWith']);
const ARRAY_ONLY: ReadonlySet<string> = new Set(['has', 'hasAny', 'hasAll']);
const RANGE: ReadonlySet<string> = new Set(['lt', 'lte', 'gt', 'gte']);
const EQUALITY: ReadonlySet<string> = new Set(['eq', 'ne', 'in', 'notIn']);
const UNORDERED: ReadonlySet<ScalarKind> = new Set<ScalarKind>(['json', 'bytea', 'bool']);

export interface ReadFilterInput {
  readonly compilation: Compilation;
  readonly draft: Draft;
  readonly argument: GraphQLArgument;
  readonly place: string;
}

/** Reads one argument as a condition on `draft`'s rows; null (and a problem) if it is none. */
export function readFilter({ compilation, draft, argument, place }: ReadFilterInput): FilterArg | null {
  const shape = shapeOf(argument.type);
  if (isInputObjectType(shape.named)) {
    if (shape.lists > 0) {
      compilation.problems.error(
        argument.astNode,
        `${place} is a list of ${shape.named.name}; take one, whose \`and\` or \`or\` combine conditions`,
      );
      return null;
    }
    return { kind: 'filter', input: readFilterInput(compilation, draft, shape.named) };
  }
  const column = requireColumn({ compilation, draft, element: argument, place });
  return column && fitsOneOf({ compilation, column, shape, element: argument, place }) ? equals(column, shape) : null;
}

function equals(column: CatalogColumn, shape: Shape): EqualsFilter {
  const isDocument = column.type.kind === 'json' && !column.type.array && shape.lists === 0;
  return { kind: 'equals', column: column.name, ...(isDocument ? { isWhole: true } : {}) };
}

interface FitsOneOfInput {
  readonly compilation: Compilation;
  readonly column: CatalogColumn;
  readonly shape: Shape;
  readonly element: GraphQLArgument | GraphQLInputField;
  readonly place: string;
}

/** A value, or a list of values that means "one of". An array column has no such list: it is compared as a whole. */
function fitsOneOf({ compilation, column, shape, element, place }: FitsOneOfInput): boolean {
  const oneOf = !column.type.array && shape.lists === 1 ? { ...shape, lists: 0 } : shape;
  const wrong = misfit({ column, shape: oneOf, direction: 'input' }) ?? unequal(column);
  if (wrong !== null) compilation.problems.error(element.astNode, `${place}: ${wrong}`);
  return wrong === null;
}

function unequal(column: CatalogColumn): string | null {
  const why = whyUnequal(column);
  return why && `${why}; remove it`;
}

function readFilterInput(compilation: Compilation, draft: Draft, type: GraphQLInputObjectType): FilterInput {
  const fields = new Map<string, FilterField>();
  for (const field of Object.values(type.getFields())) {
    const read = readFilterField({ compilation, draft, type, field });
    if (read) fields.set(field.name, read);
  }
  return { name: type.name, fields };
}

interface ReadFilterFieldInput {
  readonly compilation: Compilation;
  readonly draft: Draft;
  readonly type: GraphQLInputObjectType;
  readonly field: GraphQLInputField;
}

function readFilterField({ compilation, draft, type, field }: ReadFilterFieldInput): FilterField | null {
  const { problems } = compilation;
  const place = `${type.name}.${field.name}`;
  const shape = shapeOf(field.type);
  if (shape.named === type) {
    const lists = field.name === 'not' ? 0 : 1;
    if ((field.name === 'and' || field.name === 'or' || field.name === 'not') && shape.lists === lists)
      return { kind: field.name };
    problems.error(
      field.astNode,
      `${place} combines conditions, which only \`and: [${type.name}!]\`, \`or: [${type.name}!]\` and \`not: ${type.name}\` do; rename it or change its type`,
    );
    return null;
  }
  const column = requireColumn({ compilation, draft, element: field, place });
  if (!column) return null;
  if (isInputObjectType(shape.named) && shape.lists === 0)
    return readOperators({ compilation, column, type: shape.named, field, place });
  return fitsOneOf({ compilation, column, shape, element: field, place }) ? equals(column, shape) : null;
}

interface ReadOperatorsInput {
  readonly compilation: Compilation;
  readonly column: CatalogColumn;
  readonly type: GraphQLInputObjectType;
  readonly field: GraphQLInputField;
  readonly place: string;
}

function readOperators({ compilation, column, type, field, place }: ReadOperatorsInput): FilterField | null {
  const { problems } = compilation;
  const operators = new Map<string, FilterOperator>();
  for (const operator of Object.values(type.getFields())) {
    const name = operator.name as FilterOperator;
    const operand = Object.hasOwn(OPERATORS, name) ? OPERATORS[name] : null;
    if (operand === null) {
      problems.error(
        operator.astNode,
        `${type.name}.${name} is no operator${didYouMean(name, Object.keys(OPERATORS))}; the operators are ${Object.keys(OPERATORS).join(', ')}`,
      );
      continue;
    }
    const wrong =
      operatorMisfit(column, name) ??
      (operand === 'flag' ? null : operandMisfit({ column, operator: name, operand, shape: shapeOf(operator.type) }));
    if (wrong !== null) {
      problems.error(field.astNode, `${place}: ${type.name}.${name} does not apply, since ${wrong}`);
      return null;
    }
    operators.set(name, name);
  }
  return { kind: 'operators', column: column.name, operators };
}

function operatorMisfit(column: CatalogColumn, operator: FilterOperator): string | null {
  const { kind, array, sql } = column.type;
  if (ARRAY_ONLY.has(operator) && !array) return `column "${column.name}" is ${sql}, not an array`;
  if (ARRAY_ONLY.has(operator)) return whyNoKey(column);
  if (array && !['eq', 'ne', 'isNull'].includes(operator))
    return `column "${column.name}" is ${sql}, an array; use ${ARRAY_INPUT}`;
  if (TEXT_ONLY.has(operator) && kind !== 'text') return `column "${column.name}" is ${sql}, not text`;
  if (TEXT_ONLY.has(operator) && column.type.operators?.like === null)
    return `column "${column.name}" has a collation under which this PostgreSQL does not match patterns`;
  if (RANGE.has(operator) && (UNORDERED.has(kind) || !hasComparisons(column))) return `values of ${sql} have no order`;
  return EQUALITY.has(operator) ? whyUnequal(column) : null;
}

/** Some types are sorted by operators with other names, and have no `<` that an author would expect. */
function hasComparisons({ type: { operators } }: CatalogColumn): boolean {
  return operators === undefined || (operators.order !== null && /(?:^|\.)<\)?$/.test(operators.order.less));
}

interface OperandMisfitInput {
  readonly column: CatalogColumn;
  readonly operator: FilterOperator;
  readonly operand: 'value' | 'list';
  readonly shape: Shape;
}

function operandMisfit({ column, operator, operand, shape }: OperandMisfitInput): string | null {
  const whole = column.type.array && !ARRAY_ONLY.has(operator);
  const expected = operand === 'list' || whole ? 1 : 0;
  if (shape.lists !== expected) {
    if (whole) return `column "${column.name}" is ${column.type.sql}, an array; use ${ARRAY_INPUT}`;
    return `its operand must be ${expected === 1 ? 'a list' : 'one value, not a list'}`;
  }
  return misfit({ column, shape, direction: 'input', lists: 'any' });
}

export interface ReadOrderArgumentInput {
  readonly compilation: Compilation;
  readonly draft: Draft;
  readonly argument: GraphQLArgument;
  readonly place: string;
}

/** Reads `orderBy: X` or `orderBy: [X!]`, where X is an enum of columns with `_ASC` and `_DESC`. */
export function readOrderArgument({ compilation, draft, argument, place }: ReadOrderArgumentInput): OrderArg | null {
  const { named, lists } = shapeOf(argument.type);
  if (!isEnumType(named) || lists > 1) {
    compilation.problems.error(
      argument.astNode,
      `${place} must be an enum whose values are columns with _ASC or _DESC, such as CREATED_AT_DESC, or a list of it`,
    );
    return null;
  }
  compilation.orders.add(named);
  return { argument: argument.name, values: readOrderValues(compilation, draft, named) };
}

function readOrderValues(
  compilation: Compilation,
  draft: Draft,
  type: GraphQLEnumType,
): ReadonlyMap<string, OrderTerm> {
  const values = new Map<string, OrderTerm>();
  for (const value of type.getValues()) {
    const name = value.name.replace(/_(ASC|DESC)$/, '');
    const place = `${type.name}.${value.name}`;
    const explicit = columnName(value);
    const meaning = explicit === null ? columnForConstant(draft, name) : { column: columnSpelled(draft, explicit) };
    if ('doubt' in meaning) {
      compilation.problems.error(value.astNode, `${place} ${meaning.doubt}`);
      continue;
    }
    const { column } = meaning;
    if (!column) {
      compilation.problems.error(
        value.astNode,
        unknownColumn({
          compilation,
          draft,
          column: explicit ?? name.toLowerCase(),
          place,
          canName: explicit === null,
        }),
      );
    } else if (column.type.array || column.type.kind === 'json' || column.type.kind === 'bytea') {
      compilation.problems.error(
        value.astNode,
        `${place} orders ${tableName(compilation, draft.table)} by "${column.name}", which is ${column.type.sql} and has no useful order; remove it`,
      );
    } else if (whyUnordered(column) !== null) {
      compilation.problems.error(
        value.astNode,
        `${place} orders ${tableName(compilation, draft.table)}, but ${whyUnordered(column) ?? ''}; remove it`,
      );
    } else {
      draft.used.add(column.name);
      values.set(value.name, { column: column.name, descending: value.name.endsWith('_DESC') });
    }
  }
  return values;
}

/** `CREATED_AT` → the column of field `createdAt`, else column `created_at`. */
function columnForConstant(draft: Draft, constant: string): Meaning {
  const fields = Object.keys(draft.type.getFields()).filter((name) => snakeCase(name).toUpperCase() === constant);
  const meanings = fields.map((field) => columnNamed(draft, field));
  const [doubt, other] = [
    meanings.find((meaning) => 'doubt' in meaning),
    meanings.find(
      (meaning, i) => i > 0 && 'column' in meaning && meaning.column !== null && !sameColumn(meaning, meanings[0]),
    ),
  ];
  if (doubt) return doubt;
  if (other)
    return {
      doubt: `could mean ${draft.type.name}.${fields.join(` or ${draft.type.name}.`)}; say which column is meant with @column(name:)`,
    };
  const [found] = meanings;
  return found && 'column' in found && found.column
    ? found
    : { column: draft.table.columns.get(constant.toLowerCase()) ?? null };
}

function sameColumn(left: Meaning, right: Meaning | undefined): boolean {
  return 'column' in left && right !== undefined && 'column' in right && left.column === right.column;
}
