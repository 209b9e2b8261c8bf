/** Owns the SQL of each filter operator over one column. */
import { type Entity, type FilterOperator, type SqlType } from '../../model/model.ts';
import { normalizeScalar, type SqlParam } from '../../model/values.ts';
import { badInput, inputParam } from '../input.ts';
import { comparedReference, equalOperator, likeOperator, orderOperators } from './comparing.ts';
import { columnReference, columnType } from './identifiers.ts';
import { type Condition } from './order.ts';

export interface FilterLimits {
  /** Levels of `and`, `or` and `not` that a filter may nest. */
  readonly maxFilterDepth: number;
  /** Conditions that the filters of one field may hold. */
  readonly maxFilterConditions: number;
  /** Values that one list in a filter may hold. */
  readonly maxFilterValues: number;
}

/** The column that is compared, and the path of the condition in the client's arguments. */
export interface Operand {
  readonly entity: Entity;
  readonly limits: FilterLimits;
  readonly column: string;
  readonly path: string;
}

export interface Operation extends Operand {
  readonly operator: FilterOperator;
}

const COMPARISONS = { lt: 'less', lte: 'lessOrEqual', gt: 'greater', gte: 'greaterOrEqual' } as const;

/** `json` has no equality of its own; `jsonb` compares by content. */
function comparable(entity: Entity, column: string): { readonly reference: string; readonly type: SqlType } {
  const type = columnType(entity, column);
  const reference = columnReference(entity, column);
  if (type.kind !== 'json') return { reference: comparedReference(reference, type), type };
  const { array } = type;
  return array
    ? { reference: `${reference}::jsonb[]`, type: { sql: 'jsonb[]', kind: 'json', array } }
    : { reference: `(${reference})::jsonb`, type: { sql: 'jsonb', kind: 'json', array } };
}

/** Equality with the value; null means IS NULL. */
export function equalsSql({ entity, column, path }: Operand, value: unknown): Condition {
  const { reference, type } = comparable(entity, column);
  const param = inputParam(type, value, path);
  return param === null
    ? () => `${reference} IS NULL`
    : (params) => `${reference} ${equalOperator(type)} ${params.add(type, param)}`;
}

/** Compiles the condition of one operator. Throws `BAD_USER_INPUT` when the operand does not fit. */
export function compileOperator(operation: Operation, operand: unknown): Condition {
  const { entity, column, operator, path } = operation;
  const { reference, type } = comparable(entity, column);
  switch (operator) {
    case 'eq':
      return equalsSql(operation, operand);
    case 'ne': {
      const param = inputParam(type, operand, path);
      return param === null
        ? () => `${reference} IS NOT NULL`
        : (params) => differsSql(reference, type, params.add(type, param));
    }
    case 'isNull':
      if (typeof operand !== 'boolean') throw badInput(`"${path}" must be true or false.`);
      return () => `${reference} IS ${operand ? '' : 'NOT '}NULL`;
    case 'lt':
    case 'lte':
    case 'gt':
    case 'gte': {
      const param = required(inputParam(type, operand, path), path);
      return (params) => `${reference} ${orderOperators(type)[COMPARISONS[operator]]} ${params.add(type, param)}`;
    }
    case 'in':
      return oneOf(operation, operand);
    case 'notIn': {
      const inside = oneOf(operation, operand);
      return (params) => `((${inside(params)}) IS NOT TRUE)`;
    }
    case 'contains':
    case 'startsWith':
    case 'endsWith':
      return like(operation, operand);
    case 'has':
    case 'hasAny':
    case 'hasAll':
      return arrayOperator(operation, operand);
  }
}

/**
 * Inequality with a value that is not null; NULL counts as different. IS DISTINCT FROM resolves its operator by the
 * search path only, so other equality operators use IS NOT TRUE.
 */
function differsSql(reference: string, type: SqlType, value: string): string {
  const equal = equalOperator(type);
  return equal === '=' ? `${reference} IS DISTINCT FROM ${value}` : `(${reference} ${equal} ${value}) IS NOT TRUE`;
}

function required(param: SqlParam, path: string): Exclude<SqlParam, null> {
  if (param === null) throw badInput(`"${path}" must not be null: nothing is less or more than null; use isNull.`);
  return param;
}

function listOf({ limits, path }: Operand, operand: unknown): readonly unknown[] {
  if (!Array.isArray(operand)) throw badInput(`"${path}" must be a list.`);
  if (operand.length > limits.maxFilterValues)
    throw badInput(
      `"${path}" holds ${operand.length} values; at most ${limits.maxFilterValues} are allowed (maxFilterValues).`,
    );
  return operand;
}

function oneOf(operation: Operand, operand: unknown): Condition {
  const { entity, column, path } = operation;
  const { reference, type } = comparable(entity, column);
  const params = listOf(operation, operand).map((value, i) => inputParam(type, value, `${path}[${i}]`));
  const values = params.filter((value) => value !== null);
  const orNull = values.length < params.length;
  if (values.length === 0) return () => (orNull ? `${reference} IS NULL` : 'FALSE');
  return (into) => {
    // An array of arrays must be rectangular, which the client's values need not be.
    const found = type.array
      ? `(${values.map((value) => `${reference} ${equalOperator(type)} ${into.add(type, value)}`).join(' OR ')})`
      : `${reference} ${equalOperator(type)} ANY(${into.addList(type, values)})`;
    return orNull ? `(${found} OR ${reference} IS NULL)` : found;
  };
}

function like({ entity, column, operator, path }: Operation, operand: unknown): Condition {
  const text: SqlType = { sql: 'text', kind: 'text', array: false };
  const param = inputParam(text, operand, path);
  if (typeof param !== 'string') throw badInput(`"${path}" must be text.`);
  const escaped = param.replace(/[\\%_]/g, '\\$&');
  const pattern = `${operator === 'startsWith' ? '' : '%'}${escaped}${operator === 'endsWith' ? '' : '%'}`;
  const type = columnType(entity, column);
  const reference = columnReference(entity, column);
  const spelled = type.kind === 'text' && !type.array ? comparedReference(reference, type) : `${reference}::text`;
  return (params) => `${spelled} ${likeOperator(type)} ${params.add(text, pattern)}`;
}

function arrayOperator(operation: Operation, operand: unknown): Condition {
  const { entity, column, operator, path } = operation;
  const type = columnType(entity, column);
  if (!type.array) throw badInput(`"${path}" asks for entries of a column that is no list.`);
  const items = operator === 'has' ? [operand] : listOf(operation, operand);
  const values = items.map((item, i) => {
    const normalized = normalizeScalar(type, item);
    const here = operator === 'has' ? path : `${path}[${i}]`;
    if ('problem' in normalized) throw badInput(`"${here}" must be ${normalized.problem}.`);
    return required(normalized.value, here);
  });
  const reference = comparedReference(columnReference(entity, column), type);
  return (params) => `${reference} ${operator === 'hasAny' ? '&&' : '@>'} ${params.addList(type, values)}`;
}
